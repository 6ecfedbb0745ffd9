//! The last events that matter to a person. Ends of ticks that went well are left out: an application may have
//! thousands a second, and they would push out all others.

mod durations;
mod stop;

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use lifecycle::{Event, EventKind, Events, Handle, ServiceStatus};
use tokio::time::Instant;

pub(crate) use self::durations::Durations;
use self::stop::Stop;
pub(crate) use self::stop::StopChart;

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
    /// `None` unless it was asked for.
    durations: Option<Durations>,
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

    /// How these services have gone down so far; `None` while there is no request to stop.
    pub(crate) fn stop(&self, services: &[ServiceStatus]) -> Option<StopChart> {
        self.catch_up();
        self.kept().stop.as_ref().map(|stop| stop.chart(services))
    }

    /// From now on how long ticks take is counted.
    pub(crate) fn count_durations(&self) {
        self.kept().durations.get_or_insert_default();
    }

    /// How long the ticks of these services took; `None` unless that is counted.
    pub(crate) fn durations(&self, services: &[ServiceStatus]) -> Option<Durations> {
        self.catch_up();
        let mut kept = self.kept();
        let durations = kept.durations.as_mut()?;
        durations.retain(services);
        Some(durations.clone())
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
        let mut kept = self.kept();
        if let Some(durations) = &mut kept.durations {
            durations.note(&event);
        }
        if !matters(&event.kind) {
            return;
        }
        Stop::note(&mut kept.stop, &event);
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

fn matters(kind: &EventKind) -> bool {
    match kind {
        EventKind::TickEnded { error, .. } | EventKind::FlushEnded { error, .. } => error.is_some(),
        _ => true,
    }
}
