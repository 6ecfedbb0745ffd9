//! Rule 26: the way of the states, the time it may take, and contexts of earlier runs.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use lifecycle::{Cause, Context, Registry, Result, Service, State, async_trait};
use lifecycle_tests::{Journal, Moves, millis, nothing, secs, spawns, takes};
use tokio::time::{Instant, sleep, timeout};

use crate::runs::{Runs, alone, fails_after, policy, reaches, runs_on, started, status};

#[tokio::test(start_paused = true)]
async fn it_stops_backs_off_and_starts() {
    let journal = Journal::new();
    let running = started(alone(
        Runs::new(&journal, [fails_after(secs(1)), runs_on()]).worker(),
        policy(),
    ))
    .await;
    let moves = Moves::watch(&running.handle());
    reaches(&running.handle(), "feed", State::Backoff).await;
    running.await_healthy().await.unwrap();
    running.stop().await.into_result().unwrap();
    let way = [
        State::Stopping,
        State::Backoff,
        State::Starting,
        State::Running,
        State::Stopping,
        State::Stopped,
    ];
    assert_eq!(moves.of("feed").await, way);
}

#[tokio::test(start_paused = true)]
async fn the_tasks_of_a_run_are_over_then_it_is_drained_once_and_then_the_next_one_starts() {
    let journal = Journal::new();
    let run = spawns(runs_on().then(takes(secs(2)))).then(fails_after(secs(1)));
    let runs = Runs::of(
        &journal,
        [nothing()],
        [run, runs_on()],
        [takes(secs(3)), nothing()],
    );
    let running = started(alone(runs.worker(), policy())).await;
    reaches(&running.handle(), "feed", State::Backoff).await;
    assert_eq!(journal.now(), secs(1 + 2 + 3));
    running.await_healthy().await.unwrap();
    let of_the_first = journal.of("feed");
    assert_eq!(
        of_the_first[..10],
        [
            "startup",
            "startup done",
            "run",
            "task",
            "run failed",
            "task done",
            "drain",
            "drain done",
            "startup",
            "startup done"
        ]
    );
    running.stop().await.into_result().unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_stop_takes_no_longer_than_the_stop_timeout() {
    let journal = Journal::new();
    let runs = Runs::of(
        &journal,
        [nothing()],
        [fails_after(secs(1)), runs_on()],
        [lifecycle_tests::hangs()],
    );
    let running = started(alone(runs.worker(), policy()).stop_timeout(secs(4))).await;
    running.wait().await;
    assert_eq!(journal.now(), secs(5));
    let outcome = running.stop().await;
    assert_eq!(outcome.laggards()[0].had, secs(4));
}

#[tokio::test(start_paused = true)]
async fn while_something_it_needs_is_down_it_waits() {
    let journal = Journal::new();
    let slow = policy().backoff(secs(60), secs(60));
    let registry = Registry::builder()
        .service(
            "store",
            Runs::new(&journal, [fails_after(secs(1)), runs_on()]).worker(),
        )
        .on_failure(slow)
        .service(
            "feed",
            Runs::new(&journal, [fails_after(secs(2)), runs_on()]).worker(),
        )
        .after(["store"])
        .on_failure(policy());
    let running = started(registry).await;
    let (handle, moves) = (running.handle(), Moves::watch(&running.handle()));
    reaches(&handle, "feed", State::Waiting).await;
    assert_eq!(status(&handle, "store").state, State::Backoff);
    running.await_healthy().await.unwrap();
    running.stop().await.into_result().unwrap();
    let way = [
        State::Stopping,
        State::Backoff,
        State::Waiting,
        State::Starting,
        State::Running,
        State::Stopping,
        State::Stopped,
    ];
    assert_eq!(moves.of("feed").await, way);
}

#[tokio::test(start_paused = true)]
async fn what_needs_one_that_has_failed_for_good_fails_in_place_of_its_next_start() {
    let journal = Journal::new();
    let registry = Registry::builder()
        .service(
            "store",
            Runs::new(&journal, [fails_after(secs(1))]).worker(),
        )
        .on_failure(lifecycle::OnFailure::Ignore)
        .service(
            "feed",
            Runs::new(&journal, [fails_after(secs(2)), runs_on()]).worker(),
        )
        .after(["store"])
        .on_failure(policy());
    let running = started(registry).await;
    timeout(secs(60), running.wait()).await.unwrap();
    let outcome = running.stop().await;
    let failures: Vec<_> = outcome.failures().iter().map(ToString::to_string).collect();
    assert_eq!(
        failures,
        [
            "service `store` failed in run: disk full",
            "service `feed` failed in run: disk full",
            "service `feed` was not started: it depends on `store`, which failed",
        ],
        "what no restart has mended counts after all"
    );
}

/// Hands out each context it is given.
struct Kept(Arc<Mutex<Vec<Context>>>);

#[async_trait]
impl Service for Kept {
    async fn start(&self, cx: &Context) -> Result {
        let is_first = {
            let mut kept = self.0.lock().unwrap();
            kept.push(cx.clone());
            kept.len() == 1
        };
        cx.ready();
        if is_first {
            sleep(secs(1)).await;
            return Err("disk full".into());
        }
        cx.stop_channel().closed().await;
        Ok(())
    }

    async fn stop(&self, cx: &Context) -> Result {
        cx.exited().await;
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_context_of_an_earlier_run_sees_that_one_closed_and_changes_nothing_of_the_next() {
    let kept = Arc::default();
    let running = started(alone(Kept(Arc::clone(&kept)), policy())).await;
    reaches(&running.handle(), "feed", State::Backoff).await;
    running.await_healthy().await.unwrap();
    let [old, new] = kept.lock().unwrap().clone().try_into().unwrap();
    assert!(old.stop_channel().is_closed() && !new.stop_channel().is_closed());
    assert!(old.deadline().is_some() && new.deadline().is_none());
    assert!(matches!(old.cause(), Some(Cause::Failure(_))) && new.cause().is_none());
    old.exited().await;
    old.ready();
    old.degraded("of the run before");
    old.spawn(async { Err("of the run before".into()) });
    sleep(secs(1)).await;
    let shown = status(&running.handle(), "feed");
    assert_eq!((shown.degraded, shown.state), (None, State::Running));
    new.degraded("of this run");
    old.recovered();
    let shown = status(&running.handle(), "feed").degraded;
    assert_eq!(shown.as_deref(), Some("of this run"));
    assert!(timeout(secs(1), new.exited()).await.is_err());
    running.stop().await.into_result().unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_a_run_has_said_of_itself_ends_with_it() {
    let journal = Journal::new();
    let run = lifecycle_tests::degrades("slow").then(fails_after(secs(1)));
    let running = started(alone(
        Runs::new(&journal, [run, runs_on()]).worker(),
        policy(),
    ))
    .await;
    sleep(millis(1)).await;
    assert!(status(&running.handle(), "feed").degraded.is_some());
    reaches(&running.handle(), "feed", State::Backoff).await;
    assert_eq!(status(&running.handle(), "feed").degraded, None);
    running.stop().await.into_result().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_stop_at_any_instant_of_a_restart_drains_each_run_once_and_is_over_at_once() {
    // It fails at 1 s, drains until 2 s, backs off until 3 s at most, and starts until 4 s at most.
    for at in (0..60).map(|tenths| millis(tenths * 100 + 1)) {
        let journal = Journal::new();
        let runs = Runs::of(
            &journal,
            [nothing(), takes(secs(1))],
            [fails_after(secs(1)), runs_on()],
            [takes(secs(1))],
        );
        let running = started(alone(runs.clone().worker(), policy())).await;
        sleep(at).await;
        let state = status(&running.handle(), "feed").state;
        let begun = Instant::now();
        let outcome = running.stop().await;
        assert_eq!(outcome.exit_code(), 0, "{at:?}: {outcome}");
        assert_eq!(outcome.services()[0].state, State::Stopped);
        // A start that is complete at this very instant is drained.
        let is_down = state == State::Backoff;
        let longest = if is_down { Duration::ZERO } else { secs(1) };
        assert!(
            begun.elapsed() <= longest,
            "{at:?} in {state}: {:?}",
            begun.elapsed()
        );
        let drains = journal.count("feed: drain done");
        assert_eq!(drains, journal.count("feed: startup done"), "{at:?}");
        assert_eq!(journal.count("feed: drain"), drains);
    }
}
