//! The last events that matter to a person. Ends of ticks that went well are left out: an application may have
//! thousands a second, and they would push out all others.

use std::collections::{BTreeMap, VecDeque};
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use lifecycle::{Event, EventKind, Events, Handle, Name, Phase, State};
use tokio::time::Instant;

use crate::draw::spans::{Row, Spans};
use crate::text::duration;

/// How many are kept.
const KEPT: usize = 64;

#[derive(Debug)]
pub(crate) struct Chronicle {
    /// Locked by [`follow`](Self::follow) while a listener runs. Without one each reader catches up.
    events: tokio::sync::Mutex<Events>,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    last: VecDeque<Event>,
    /// When the application was started, as the first move tells it.
    started: Option<Instant>,
    stop: Option<Stop>,
}

/// What happens from the request to stop on.
#[derive(Debug)]
struct Stop {
    asked: Instant,
    services: BTreeMap<Name, Down>,
}

/// How one service went down.
#[derive(Debug, Default)]
struct Down {
    asked: Option<Instant>,
    ended: Option<Instant>,
    /// What was dropped because it was late.
    late: Option<Phase>,
    has_failed: bool,
}

impl Chronicle {
    pub(crate) fn new(handle: &Handle) -> Self {
        Self {
            events: tokio::sync::Mutex::new(handle.events_after(0)),
            kept: Mutex::default(),
        }
    }

    /// Keeps what comes, until the end of the application. Cancel-safe.
    pub(crate) async fn follow(&self) {
        let mut events = self.events.lock().await;
        while let Some(event) = events.recv().await {
            self.keep(event);
        }
    }

    /// The last events, the newest first.
    pub(crate) fn last(&self) -> Vec<Event> {
        self.catch_up();
        self.kept().last.iter().rev().cloned().collect()
    }

    /// When the application was started; `None` before that.
    pub(crate) fn started(&self) -> Option<Instant> {
        self.catch_up();
        self.kept().started
    }

    /// How the services have gone down so far; `None` while there is no request to stop.
    pub(crate) fn stop(&self) -> Option<Spans> {
        self.catch_up();
        self.kept().stop.as_ref().map(Stop::spans)
    }

    fn catch_up(&self) {
        let Ok(mut events) = self.events.try_lock() else {
            return;
        };
        let mut cx = Context::from_waker(Waker::noop());
        while let Poll::Ready(Some(event)) = pin!(events.recv()).poll(&mut cx) {
            self.keep(event);
        }
    }

    fn keep(&self, event: Event) {
        if !matters(&event.kind) {
            return;
        }
        let mut kept = self.kept();
        kept.note_stop(&event);
        if let (None, EventKind::Moved { took, .. }) = (kept.started, &event.kind) {
            kept.started = event.at.checked_sub(*took);
        }
        if kept.last.len() == KEPT {
            kept.last.pop_front();
        }
        kept.last.push_back(event);
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn note_stop(&mut self, event: &Event) {
        if let EventKind::Stopping { .. } = event.kind {
            self.stop.get_or_insert(Stop {
                asked: event.at,
                services: BTreeMap::new(),
            });
        }
        let (Some(stop), Some(name)) = (&mut self.stop, &event.service) else {
            return;
        };
        let down = stop.services.entry(name.clone()).or_default();
        match &event.kind {
            EventKind::Moved { to, .. } if *to == State::Stopping => down.asked = Some(event.at),
            EventKind::Moved { to, .. } if to.is_final() => {
                down.ended = Some(event.at);
                down.has_failed = *to == State::Failed;
            }
            EventKind::Late { phase, .. } => down.late = Some(*phase),
            _ => {}
        }
    }
}

impl Stop {
    fn spans(&self) -> Spans {
        let since = |at: Instant| at.saturating_duration_since(self.asked);
        let now = Instant::now();
        let row = |(name, down): (&Name, &Down)| {
            let asked = since(down.asked?);
            let took = since(down.ended.unwrap_or(now)).saturating_sub(asked);
            let took = duration(took);
            let (class, said) = match (down.late, down.ended) {
                (Some(phase), _) => ("fails", format!("late, dropped in {phase}")),
                (None, Some(_)) if down.has_failed => ("fails", format!("failed after {took}")),
                (None, Some(_)) => ("ends", took),
                (None, None) => ("ends", format!("{took} so far")),
            };
            Some(Row {
                name: name.to_string(),
                waited: Some((Duration::ZERO, asked)),
                ran: Some((asked, since(down.ended.unwrap_or(now)))),
                class,
                is_critical: down.ended.is_none(),
                said,
            })
        };
        Spans::new(self.services.iter().filter_map(row).collect())
    }
}

fn matters(kind: &EventKind) -> bool {
    match kind {
        EventKind::TickEnded { error, .. } | EventKind::FlushEnded { error, .. } => error.is_some(),
        _ => true,
    }
}
