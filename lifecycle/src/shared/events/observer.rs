//! A function that is handed every event. It is the user's code and may block or panic, so it runs on a thread
//! for blocking code, in turns: each ends when no event is left.
//!
//! # Invariants
//!
//! The function is in `code` while no turn is under way, and on the thread of the turn otherwise. `push` adds
//! an event under the lock, and `begin_turn` follows it. A turn ends only if it finds no event under the same
//! lock, and puts the function back there. So either the turn under way finds the event, or `begin_turn` finds
//! the function; and no two turns are under way at once. The function is called while the lock is free.
//! A call of `seen` is noted under that lock as well, so the turn under way finds it when it ends.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::runtime::Handle as Runtime;
use tokio::sync::oneshot;

use crate::panics::{self, CatchOnDrop, Panic, log_safely};
use crate::report::event::Event;

pub(crate) type Code = Box<dyn FnMut(&Event) + Send>;

/// How many events wait for one observer. What comes beyond that is left out, so that an observer that hangs
/// does not use up the memory.
const MAX_WAITING: usize = 65_536;

pub(super) struct Observer(Mutex<State>);

struct State {
    waiting: VecDeque<Event>,
    code: Option<CatchOnDrop<Code>>,
    /// Told when no event waits any more.
    asks: Option<oneshot::Sender<()>>,
    /// How many events were left out since the last one that was handed over.
    left_out: u64,
    has_panicked: bool,
}

impl Observer {
    pub(super) fn new(code: Code) -> Arc<Self> {
        Arc::new(Self(Mutex::new(State {
            waiting: VecDeque::new(),
            code: Some(CatchOnDrop::new(code)),
            asks: None,
            left_out: 0,
            has_panicked: false,
        })))
    }

    /// To be followed by [`begin_turn`](Self::begin_turn).
    pub(super) fn push(&self, event: Event) {
        let mut state = self.state();
        if state.waiting.len() < MAX_WAITING {
            state.waiting.push_back(event);
        } else {
            state.left_out += 1;
        }
    }

    /// Has the waiting events handed over, unless that is under way.
    pub(super) fn begin_turn(self: &Arc<Self>, runtime: &Runtime) {
        let code = {
            let mut state = self.state();
            if state.waiting.is_empty() {
                return;
            }
            state.code.take()
        };
        let Some(code) = code else { return };
        let observer = self.clone();
        // The system may have no thread left. The observer is lost then.
        let _ = panics::catch(|| drop(runtime.spawn_blocking(move || observer.take_turn(code))));
    }

    fn take_turn(&self, code: CatchOnDrop<Code>) {
        let Some(mut code) = code.into_inner() else {
            return;
        };
        loop {
            let mut state = self.state();
            let Some(event) = state.waiting.pop_front() else {
                state.code = Some(CatchOnDrop::new(code));
                let asks = state.asks.take();
                drop(state);
                // Sending wakes the one that waits.
                let _ = asks.map(|asks| asks.send(()));
                return;
            };
            let left_out = std::mem::take(&mut state.left_out);
            drop(state);
            if left_out > 0 {
                log_safely!(
                    warn,
                    left_out,
                    "an observer is too slow: events are left out"
                );
            }
            if let Err(Panic(message)) = panics::catch(|| code(&event)) {
                self.note_panic(&message);
            }
        }
    }

    /// An observer that panics once mostly panics at each event, so only the first time is logged.
    fn note_panic(&self, message: &str) {
        if !std::mem::replace(&mut self.state().has_panicked, true) {
            log_safely!(error, message, "an observer of events panicked");
        }
    }

    /// Resolves when it has seen all events. One task at a time may wait.
    pub(super) async fn seen(&self) {
        let seen = {
            let mut state = self.state();
            if state.code.is_some() && state.waiting.is_empty() {
                return;
            }
            let (asks, seen) = oneshot::channel();
            state.asks = Some(asks);
            seen
        };
        // An error means that the observer is lost.
        let _ = seen.await;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observer")
            .field("waiting", &self.state().waiting.len())
            .finish_non_exhaustive()
    }
}
