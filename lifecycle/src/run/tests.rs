//! Services that come and go while the application goes on: a restart is ordered as a policy would.

mod schedules;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::{Instant, sleep, timeout};

use crate::report::error::Result;
use crate::report::status::State;
use crate::run::running::Running;
use crate::shape::service::Service;
use crate::shared::context::Context;
#[cfg(unix)]
use crate::shared::reload;
use crate::shared::runner_news::RunnerNews;
use crate::{Handle, Registry};

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Notes what is called of it, and keeps each context it is given.
#[derive(Clone, Default)]
struct Seen {
    lines: Arc<Mutex<Vec<String>>>,
    contexts: Arc<Mutex<Vec<Context>>>,
    alive: Arc<AtomicUsize>,
}

impl Seen {
    fn note(&self, line: impl Into<String>) {
        self.lines.lock().unwrap().push(line.into());
    }

    fn lines(&self) -> Vec<String> {
        std::mem::take(&mut *self.lines.lock().unwrap())
    }

    fn context(&self, run: usize) -> Context {
        self.contexts.lock().unwrap()[run].clone()
    }
}

struct Feed(Seen);

impl Feed {
    fn new(seen: &Seen) -> Self {
        Self(seen.clone())
    }
}

#[async_trait]
impl Service for Feed {
    async fn start(&self, cx: &Context) -> Result {
        let seen = &self.0;
        assert_eq!(seen.alive.fetch_add(1, Ordering::SeqCst), 0, "one run");
        seen.note("start");
        seen.contexts.lock().unwrap().push(cx.clone());
        cx.ready();
        cx.stop_channel().closed().await;
        seen.note("returned");
        Ok(())
    }

    async fn stop(&self, cx: &Context) -> Result {
        cx.exited().await;
        sleep(secs(1)).await;
        self.0.note("drained");
        self.0.alive.fetch_sub(1, Ordering::SeqCst);
        Ok(())
    }
}

struct Reloads(Seen);

#[async_trait]
impl Service for Reloads {
    async fn start(&self, cx: &Context) -> Result {
        cx.ready();
        cx.stop_channel().closed().await;
        Ok(())
    }

    async fn stop(&self, cx: &Context) -> Result {
        cx.exited().await;
        Ok(())
    }

    async fn reload(&self, _: &Context) -> Result {
        self.0.note("reload");
        sleep(secs(1)).await;
        Ok(())
    }
}

#[cfg(unix)]
#[tokio::test(start_paused = true)]
async fn hangups_that_come_during_a_reload_are_one_more() {
    let seen = Seen::default();
    let running = start(Reloads(seen.clone()));
    running.await_healthy().await.unwrap();
    for count in [1, 2, 1] {
        for _ in 0..count {
            reload::on_hangup(running.application());
            sleep(Duration::from_millis(10)).await;
            for _ in 1..count {
                reload::on_hangup(running.application());
            }
        }
        sleep(secs(5)).await;
        assert_eq!(seen.lines().len(), count);
    }
    running.stop().await.into_result().unwrap();
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.0.note("dropped");
    }
}

fn start(service: impl Service) -> Running {
    let registry = Registry::builder().service("feed", service).build();
    registry.unwrap().signals(false).start()
}

fn restart(running: &Running, wait: Duration) {
    running.application().report(0, RunnerNews::Restart(wait));
}

async fn reaches(handle: &Handle, state: State) {
    while handle.states()[0].state != state {
        sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_goes_and_comes_again_with_the_same_value_and_a_new_run() {
    let seen = Seen::default();
    let running = start(Feed::new(&seen));
    running.await_healthy().await.unwrap();
    assert_eq!(seen.lines(), ["start"]);
    for _ in 0..3 {
        let mut moves = running.handle().subscribe();
        let begun = Instant::now();
        restart(&running, secs(5));
        let mut states = Vec::new();
        for _ in 0..4 {
            let seen = moves.recv().await.unwrap();
            states.push((seen.to, begun.elapsed().as_secs()));
            let is_down = matches!(seen.to, State::Stopping | State::Backoff);
            assert!(!(is_down && running.handle().is_healthy()));
        }
        let wanted = [
            State::Stopping,
            State::Backoff,
            State::Starting,
            State::Running,
        ];
        assert_eq!(
            states,
            wanted.into_iter().zip([0, 1, 6, 6]).collect::<Vec<_>>()
        );
        assert_eq!(seen.lines(), ["returned", "drained", "start"]);
    }
    let outcome = running.stop().await;
    assert_eq!(outcome.exit_code(), 0);
    assert_eq!(seen.lines(), ["returned", "drained", "dropped"]);
}

#[tokio::test(start_paused = true)]
async fn a_context_of_an_earlier_run_sees_that_one_closed_and_changes_nothing_of_the_next() {
    let seen = Seen::default();
    let running = start(Feed::new(&seen));
    running.await_healthy().await.unwrap();
    restart(&running, secs(5));
    reaches(&running.handle(), State::Backoff).await;
    assert!(timeout(secs(4), running.await_healthy()).await.is_err());
    running.await_healthy().await.unwrap();
    let (old, new) = (seen.context(0), seen.context(1));
    assert!(old.stop_channel().is_closed() && !new.stop_channel().is_closed());
    assert!(old.deadline().is_some() && new.deadline().is_none());
    assert!(old.cause().is_some() && new.cause().is_none());
    old.exited().await;
    old.ready();
    old.degraded("of the run before");
    old.spawn(async { Err("of the run before".into()) });
    sleep(secs(1)).await;
    assert_eq!(running.handle().states()[0].degraded, None);
    assert_eq!(running.handle().states()[0].state, State::Running);
    new.degraded("of this run");
    old.recovered();
    let shown = running.handle().states()[0].degraded.clone();
    assert_eq!(shown.as_deref(), Some("of this run"));
    assert!(timeout(secs(1), new.exited()).await.is_err());
    running.stop().await.into_result().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_stop_at_any_instant_of_a_restart_drains_each_run_once_and_drops_the_value_last() {
    // 0 to 1 s: it drains; to 3 s: it backs off; then it runs again.
    for at in (0..40).map(|tenths| Duration::from_millis(tenths * 100)) {
        let seen = Seen::default();
        let running = start(Feed::new(&seen));
        running.await_healthy().await.unwrap();
        restart(&running, secs(2));
        sleep(at).await;
        let outcome = timeout(secs(2), running.stop()).await.unwrap();
        assert_eq!(outcome.exit_code(), 0, "{outcome}");
        assert_eq!(outcome.services[0].state, State::Stopped);
        let lines = seen.lines();
        let runs = 1 + usize::from(at > secs(3));
        let mut wanted = ["start", "returned", "drained"].repeat(runs);
        wanted.push("dropped");
        assert_eq!(lines, wanted, "{at:?}");
    }
}

/// What the restart of a service does to the registry around it, and what the restart of a registry does.
mod nested {
    use super::*;
    use crate::report::status::Transition;
    use crate::shared::application::Application;

    /// The outer registry holds `module`, which holds `feed`.
    fn start(seen: &Seen) -> Running {
        let inner = Registry::builder().service("feed", Feed::new(seen)).build();
        let outer = Registry::builder()
            .service("module", inner.unwrap())
            .build();
        outer.unwrap().signals(false).start()
    }

    fn inner(running: &Running) -> Arc<Application> {
        running.application().instance(0).inner().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_down_in_a_registry_makes_the_outer_one_unready_until_it_is_up_again() {
        let seen = Seen::default();
        let running = start(&seen);
        running.await_healthy().await.unwrap();
        let handle = running.handle();
        let mut moves = handle.subscribe();
        inner(&running).report(0, RunnerNews::Restart(secs(5)));
        for (state, sentence) in [
            (State::Stopping, "`module/feed` is stopping"),
            (State::Backoff, "`module/feed` is in backoff"),
        ] {
            let Transition { name, to, .. } = moves.recv().await.unwrap();
            assert_eq!((name.as_str(), to), ("module/feed", state));
            assert!(!handle.is_healthy(), "{to}");
            let degraded = handle.states()[0].degraded.clone();
            assert_eq!(degraded.unwrap(), sentence.into());
        }
        running.await_healthy().await.unwrap();
        assert!(handle.is_healthy());
        assert_eq!(handle.states()[0].degraded, None);
        assert_eq!(handle.states()[0].state, State::Running);
        let outcome = running.stop().await;
        assert_eq!(outcome.exit_code(), 0, "{outcome}");
        let mut wanted = ["start", "returned", "drained"].repeat(2);
        wanted.push("dropped");
        assert_eq!(seen.lines(), wanted);
    }

    #[tokio::test(start_paused = true)]
    async fn a_registry_goes_and_comes_again_with_the_same_values_in_new_runs() {
        let seen = Seen::default();
        let running = start(&seen);
        running.await_healthy().await.unwrap();
        let first = inner(&running);
        for _ in 0..3 {
            restart(&running, secs(5));
            reaches(&running.handle(), State::Backoff).await;
            assert!(inner(&running).gone.is_closed());
            assert!(!running.handle().is_healthy());
            running.await_healthy().await.unwrap();
        }
        assert!(!Arc::ptr_eq(&first, &inner(&running)));
        let outcome = running.stop().await;
        assert_eq!(outcome.exit_code(), 0, "{outcome}");
        let mut wanted = ["start", "returned", "drained"].repeat(4);
        wanted.push("dropped");
        assert_eq!(seen.lines(), wanted);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_at_any_instant_of_the_restart_of_a_registry_drains_each_run_once() {
        for at in (0..40).map(|tenths| Duration::from_millis(tenths * 100)) {
            let seen = Seen::default();
            let running = start(&seen);
            running.await_healthy().await.unwrap();
            restart(&running, secs(2));
            sleep(at).await;
            let outcome = timeout(secs(2), running.stop()).await.unwrap();
            assert_eq!(outcome.exit_code(), 0, "{outcome}");
            let runs = 1 + usize::from(at > secs(3));
            let mut wanted = ["start", "returned", "drained"].repeat(runs);
            wanted.push("dropped");
            assert_eq!(seen.lines(), wanted, "{at:?}");
        }
    }
}
