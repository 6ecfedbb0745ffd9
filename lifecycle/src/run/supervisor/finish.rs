//! The end of a run: what is left is waited for, and the outcome is made.

use std::future::poll_fn;

use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use super::Supervisor;
use super::tasks::ServiceTasks;
use crate::engine::graces::JOIN_GRACE;
use crate::panics::{self, log_safely};
use crate::report::outcome::Outcome;
use crate::report::status::Phase;
use crate::run::conclude;
use crate::shared::inbox::Backlog;

impl Supervisor {
    /// All services are down: waits until their tasks are gone, drops the listener and the subscribers,
    /// and makes the outcome.
    pub(super) async fn finish(mut self, mut tasks: ServiceTasks) -> Outcome {
        let ending = std::mem::take(&mut tasks.ending);
        for task in tasks.running.drain(..).flatten().chain(ending) {
            // An error means that the task was aborted, so it has ended too.
            let _ = task.await;
        }
        for (service, task) in std::mem::take(&mut tasks.leaving) {
            self.await_leaving(service, task).await;
        }
        if let Some(leases) = self.leases.take() {
            leases.ended(self.engine.deadline()).await;
        }
        self.application.record().ended = Some(Instant::now());
        // A reload under way ends by the request to stop.
        drop(self.application.reloads.lock().await);
        self.application.seen().await;
        self.application.end();
        if let Err(fault) = self.drop_stop_on() {
            self.note_panic_of_stop_on(fault);
        }
        self.signals = None;
        self.hangup = None;
        let outcome = conclude::outcome_of(&self.application);
        if !self.application.is_inner() {
            log_safely!(info, totals = %outcome.totals(), "stopped");
        }
        outcome
    }

    /// Waits for the destructor of a service that was never started, for as long as the service would have
    /// had to stop.
    async fn await_leaving(&mut self, service: usize, mut task: JoinHandle<()>) {
        let asked = self
            .application
            .record()
            .requested
            .unwrap_or_else(Instant::now);
        let end = self.engine.end_of(service, asked);
        // Several destructors may have the same end, and waiting for the first may have used it up.
        let end = end.map(|end| end.max(Instant::now() + JOIN_GRACE));
        self.tell_alarm(end);
        let mut backlog = Backlog::default();
        loop {
            tokio::select! {
                biased;
                _ = &mut task => return,
                // This may be an earlier alarm, so the time is checked below.
                // Nothing else that is reported or asked counts any more.
                () = poll_fn(|task| backlog.poll_fill(&self.application.inbox, task)) => {
                    let _ = panics::drop_each(backlog.batch());
                }
                () = sleep_until(end.unwrap_or_else(Instant::now)), if end.is_some() => {}
            }
            if end.is_some_and(|end| end <= Instant::now()) {
                break;
            }
        }
        if !task.is_finished() {
            let had = asked.elapsed();
            let on_late = self.engine.on_late(service);
            self.note_late(service, Phase::Drain, had, on_late);
        }
    }
}
