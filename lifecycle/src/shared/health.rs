//! Whether every service of an application is up, those of its inner applications included.
//!
//! # Invariants
//!
//! - `is_up` is "healthy" as `state` says it. It is written under the lock with `Release` and read with
//!   `Acquire`, so that readiness costs one load.
//! - Pending health holds a latch, which is closed after the next health was written. So code that is woken
//!   by the latch finds that health.
//! - Whether an inner application is lost follows from facts that two threads write: its own health, and the
//!   state of its service here. Each writes its fact first and then has it decided under the lock. So the one
//!   that decides last has seen both.
//! - Latches are closed after the lock is released, because that wakes tasks.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::report::error::{HealthError, ServiceError};
use crate::report::reason::Reason;
use crate::shared::latch::Latch;
use crate::shared::request::Request;

/// Whether every service is up, or can no longer come up.
#[derive(Clone, Debug)]
pub(crate) enum Health {
    /// The latch is closed when health is no longer pending. Each time that health is pending again has a
    /// latch of its own.
    Pending(Arc<Latch>),
    Healthy,
    Impossible(ServiceError),
}

impl Health {
    pub(crate) fn pending() -> Self {
        Self::Pending(Arc::new(Latch::new()))
    }
}

#[derive(Debug)]
pub(crate) struct HealthBoard {
    is_up: AtomicBool,
    state: Mutex<Board>,
}

#[derive(Debug)]
struct Board {
    shown: Health,
    /// Whether the engine says that every service is up.
    all_up: bool,
    /// The services that run, and whose inner applications are not healthy.
    lost: BTreeSet<usize>,
}

impl HealthBoard {
    pub(crate) fn new() -> Self {
        Self {
            is_up: AtomicBool::new(false),
            state: Mutex::new(Board {
                shown: Health::pending(),
                all_up: false,
                lost: BTreeSet::new(),
            }),
        }
    }

    pub(crate) fn is_up(&self) -> bool {
        self.is_up.load(Ordering::Acquire)
    }

    pub(crate) fn shown(&self) -> Health {
        self.board().shown.clone()
    }

    /// Resolves when every service is up, or with the reason why that will not be.
    pub(crate) async fn reached(&self, request: &Request) -> Result<(), HealthError> {
        loop {
            let seen = self.shown();
            if let Health::Impossible(error) = &seen {
                return Err(HealthError::Service(error.clone()));
            }
            match request.reason() {
                Some(Reason::Failure(error)) => return Err(HealthError::Service(error.clone())),
                Some(Reason::NotStarted(error)) => {
                    return Err(HealthError::NotStarted(error.clone()));
                }
                // Oneshots that have all succeeded have finished, and were healthy.
                Some(Reason::Finished) | None if matches!(seen, Health::Healthy) => return Ok(()),
                Some(reason) => return Err(HealthError::Stopping(reason.clone())),
                None => {}
            }
            let Health::Pending(over) = seen else {
                continue;
            };
            tokio::select! {
                () = over.closed() => {}
                _ = request.made() => {}
            }
        }
    }

    /// Shows this health, which the engine has decided on. Returns whether readiness has changed.
    pub(crate) fn set(&self, health: Health) -> bool {
        let mut board = self.board();
        board.all_up = matches!(health, Health::Healthy);
        let health = if board.all_up && !board.lost.is_empty() {
            Health::pending()
        } else {
            health
        };
        self.show(board, health)
    }

    /// Has decided again whether the inner application of this service is lost. Returns whether readiness
    /// has changed.
    pub(crate) fn decide_on_inner(&self, service: usize, is_lost: impl FnOnce() -> bool) -> bool {
        let mut board = self.board();
        if is_lost() {
            board.lost.insert(service);
        } else {
            board.lost.remove(&service);
        }
        let health = match (&board.shown, board.lost.is_empty()) {
            (Health::Pending(_), true) if board.all_up => Health::Healthy,
            (Health::Healthy, false) => Health::pending(),
            _ => return false,
        };
        self.show(board, health)
    }

    fn show(&self, mut board: MutexGuard<'_, Board>, health: Health) -> bool {
        let is_up = matches!(health, Health::Healthy);
        let was_up = self.is_up.swap(is_up, Ordering::AcqRel);
        let before = std::mem::replace(&mut board.shown, health);
        drop(board);
        if let Health::Pending(over) = before {
            over.close();
        }
        is_up != was_up
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
