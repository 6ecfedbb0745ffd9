//! Handles and subscribers from before the start: rule 13.
//!
//! The kind of fault this is about: nobody could see the first moves, because the first handle came when the supervisor
//! was already at work. To it belong every question a handle can be asked (moves, states, health, the reason, a request to
//! stop, a tick) and everything that can become of a registry that has one: it is started and stopped, asked to stop first,
//! dropped, refused, or was no registry in the first place.

use std::time::Duration;

use lifecycle::{
    Handle, HealthError, Idle, Outcome, Reason, Registry, Running, StartError, State, TriggerError,
    registry, service,
};
use lifecycle_tests::{Journal, Moves, fails, secs, start, states, takes, threads};
use tokio::runtime::Builder;
use tokio::time::{sleep, timeout};

#[service(idle)]
struct Resting;

impl Idle for Resting {}

fn chain(journal: &Journal) -> Registry {
    registry! {
        "a" => journal.script().idle(),
        "b" => journal.script().worker(), after = ["a"],
        "c" => Resting, wants = ["b"],
    }
}

const LIFE: [&str; 5] = ["new", "waiting", "starting", "running", "stopping"];

/// The moves of one service must be the whole of its life.
fn check_life(moves: &[String], service: &str) {
    let life = LIFE.iter().zip(LIFE.iter().skip(1));
    let life = life.map(|(from, to)| format!("{service}: {from} -> {to}"));
    let expected: Vec<_> = life
        .chain([format!("{service}: stopping -> stopped")])
        .collect();
    let prefix = format!("{service}: ");
    let seen: Vec<_> = moves
        .iter()
        .filter(|line| line.starts_with(&prefix))
        .collect();
    assert!(seen.into_iter().eq(&expected), "{moves:#?}");
}

#[test]
fn every_move_is_seen_from_the_first_on_in_every_run() {
    let runtime = threads(4);
    for _ in 0..4_000 {
        runtime.block_on(async {
            let registry = chain(&Journal::new()).signals(false);
            let early = registry.subscribe();
            let view = Moves::watch(&registry.handle());
            let running = registry.start();
            running.await_healthy().await.unwrap();
            running.stop().await.into_result().unwrap();

            let moves = view.all().await;
            for service in ["a", "b", "c"] {
                check_life(&moves, service);
            }
            assert_eq!(moves.len(), 15);
            let mut early = early;
            for expected in &moves {
                assert_eq!(early.recv().await.unwrap().to_string(), *expected);
            }
            assert!(early.recv().await.is_none());
        });
    }
}

#[tokio::test(start_paused = true)]
async fn before_the_start_everything_is_new_and_nothing_is_healthy() {
    let journal = Journal::new();
    let registry = chain(&journal);
    let handle = registry.handle();
    assert_eq!(states(&handle), ["a: new", "b: new", "c: new"]);
    assert!(!handle.is_healthy());
    assert!(timeout(secs(60), handle.wait()).await.is_err());
    assert!(timeout(secs(60), handle.await_healthy()).await.is_err());
    assert_eq!(journal.all(), [""; 0]);

    let healthy = tokio::spawn({
        let handle = handle.clone();
        async move { handle.await_healthy().await }
    });
    let running = start(registry);
    healthy.await.unwrap().unwrap();
    assert!(handle.is_healthy());
    running.stop().await.into_result().unwrap();
    assert!(matches!(handle.wait().await, Reason::Requested));
}

#[tokio::test(start_paused = true)]
async fn times_count_from_the_start_and_not_from_the_assembly() {
    let journal = Journal::new();
    let registry = registry! {
        "a" => journal.script().run(takes(secs(2)).then(fails("no"))).worker(),
        "b" => journal.script().scheduled(secs(3)),
    };
    let handle = registry.handle();
    sleep(secs(100)).await;
    let running = start(registry);
    handle.wait().await;
    let outcome = running.stop().await;
    assert_eq!(outcome.failures()[0].after(), secs(2));
    assert_eq!(journal.at("a: run failed"), secs(102));
}

async fn refused_or_dropped(handle: Handle, moves: Moves) -> (Reason, HealthError) {
    assert!(!handle.is_healthy());
    assert_eq!(moves.all().await, [""; 0]);
    assert_eq!(Moves::watch(&handle).all().await, [""; 0]);
    assert!(
        handle
            .states()
            .iter()
            .all(|status| status.state == State::New)
    );
    assert!(handle.trigger("gc").await.is_err());
    let reason = handle.wait().await;
    (reason, handle.await_healthy().await.unwrap_err())
}

#[tokio::test(start_paused = true)]
async fn a_registry_that_is_dropped_tells_those_who_wait() {
    let registry = chain(&Journal::new());
    let (handle, moves) = (registry.handle(), Moves::watch(&registry.handle()));
    let waits = tokio::spawn({
        let handle = handle.clone();
        async move { handle.await_healthy().await }
    });
    sleep(secs(1)).await;
    drop(registry);
    let error = waits.await.unwrap().unwrap_err();
    assert!(matches!(error, HealthError::Stopping(Reason::Dropped)));
    let (reason, error) = refused_or_dropped(handle.clone(), moves).await;
    assert!(matches!(reason, Reason::Dropped));
    assert!(matches!(error, HealthError::Stopping(Reason::Dropped)));
    assert_eq!(states(&handle).len(), 3);
}

/// So is one whose `run` is dropped before it is polled.
#[tokio::test(start_paused = true)]
async fn a_run_that_never_began_tells_those_who_wait() {
    let registry = chain(&Journal::new());
    let (handle, moves) = (registry.handle(), Moves::watch(&registry.handle()));
    drop(registry.run());
    let (reason, _) = refused_or_dropped(handle, moves).await;
    assert!(matches!(reason, Reason::Dropped));
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = Builder::new_current_thread().enable_time().build();
    runtime.unwrap().block_on(future)
}

#[test]
fn a_start_that_is_refused_tells_those_who_wait() {
    let without_timer = Builder::new_current_thread().build().unwrap();
    for has_runtime in [false, true] {
        let registry = chain(&Journal::new());
        let (handle, moves) = (registry.handle(), Moves::watch(&registry.handle()));
        let entered = has_runtime.then(|| without_timer.enter());
        let running = registry.start();
        drop(entered);
        let (reason, error) = block_on(refused_or_dropped(handle, moves));
        let Reason::NotStarted(why) = &reason else {
            panic!("{reason}");
        };
        match &**why {
            StartError::NoRuntime => assert!(!has_runtime),
            StartError::NoTimer => assert!(has_runtime),
            other => panic!("{other}"),
        }
        assert!(matches!(error, HealthError::NotStarted(_)));
        assert_eq!(block_on(running.stop()).exit_code(), 1);
    }
}

/// What keeps a start from being one, whatever was asked before.
fn refused(why: &str) -> (Registry, bool) {
    let registry = chain(&Journal::new()).signals(false);
    match why {
        "no runtime" => (registry, false),
        "no registry" => (registry.deadline(secs(1)).shutdown_delay(secs(2)), true),
        other => panic!("{other}"),
    }
}

#[test]
fn a_start_that_is_refused_is_no_clean_stop_though_one_was_asked_for() {
    for why in ["no runtime", "no registry"] {
        for by_run in [false, true] {
            let (registry, in_runtime) = refused(why);
            let handle = registry.handle();
            handle.shutdown();
            let outcome = match (by_run, in_runtime) {
                (true, true) => block_on(registry.run()),
                (true, false) => continue,
                (false, true) => block_on(async { registry.start().stop().await }),
                (false, false) => {
                    let running = registry.start();
                    block_on(running.stop())
                }
            };
            assert_eq!(outcome.exit_code(), 1, "{why}: {outcome}");
            assert!(matches!(outcome.reason(), Reason::NotStarted(_)), "{why}");
            let told = block_on(handle.wait());
            assert!(matches!(told, Reason::NotStarted(_)), "{why}: {told}");
            let health = block_on(handle.await_healthy());
            assert!(matches!(health, Err(HealthError::NotStarted(_))), "{why}");
        }
    }
}

#[test]
fn a_registry_that_was_dropped_says_so_whether_or_not_it_ran() {
    let registry = chain(&Journal::new());
    let handle = registry.handle();
    drop(registry);
    assert_eq!(
        block_on(handle.wait()).to_string(),
        "the registry was dropped"
    );
}

#[tokio::test(start_paused = true)]
async fn a_stop_that_is_asked_for_before_the_start_is_obeyed_by_it() {
    for with_run in [false, true] {
        let journal = Journal::new();
        let registry = chain(&journal).deadline(secs(20)).signals(false);
        let (handle, moves) = (registry.handle(), Moves::watch(&registry.handle()));
        handle.shutdown();
        sleep(secs(1_000)).await;
        assert!(matches!(
            handle.await_healthy().await,
            Err(HealthError::Stopping(Reason::Requested))
        ));
        let outcome: Outcome = if with_run {
            registry.run().await
        } else {
            let running: Running = registry.start();
            sleep(secs(1)).await;
            assert!(matches!(running.wait().await, Reason::Requested));
            running.stop().await
        };
        assert!(matches!(outcome.reason(), Reason::Requested));
        assert_eq!(outcome.exit_code(), 0, "{outcome}");
        assert!(outcome.took().unwrap() <= secs(1));
        assert_eq!(journal.all(), [""; 0], "nothing starts");
        let moves = moves.all().await;
        assert_eq!(moves.len(), 6, "{moves:?}");
        assert_eq!(moves[0], "a: new -> waiting");
        assert_eq!(states(&handle), ["a: stopped", "b: stopped", "c: stopped"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_tick_before_the_start_is_an_error_and_after_it_a_tick() {
    let journal = Journal::new();
    let registry = registry! {
        "gc" => journal.script().scheduled(secs(3_600)),
        "store" => journal.script().idle(),
        "custom" => journal.script().custom(),
    };
    let handle = registry.handle();
    let asked = |name: &'static str| {
        let handle = handle.clone();
        async move { timeout(Duration::ZERO, handle.trigger(name)).await.unwrap() }
    };
    assert!(matches!(asked("gc").await, Err(TriggerError::NotStarted)));
    assert!(matches!(
        asked("custom").await,
        Err(TriggerError::NotStarted)
    ));
    assert!(matches!(
        asked("store").await,
        Err(TriggerError::NotScheduled(_))
    ));
    assert!(matches!(asked("x").await, Err(TriggerError::Unknown(_))));

    let running = start(registry);
    handle.trigger("gc").await.unwrap();
    running.stop().await.into_result().unwrap();

    let registry = registry! { "gc" => journal.script().scheduled(secs(1)) };
    let handle = registry.handle();
    drop(registry);
    assert!(matches!(
        handle.trigger("gc").await,
        Err(TriggerError::Stopped)
    ));
}

#[tokio::test(start_paused = true)]
async fn a_handle_from_before_the_start_sees_the_end() {
    let journal = Journal::new();
    let registry = registry! {
        "a" => journal.script().run(takes(secs(2))).oneshot(),
    };
    let handle = registry.handle();
    let outcome = registry.signals(false).run().await;
    assert!(matches!(outcome.reason(), Reason::Finished));
    assert!(handle.await_healthy().await.is_ok());
    assert_eq!(states(&handle), ["a: stopped"]);
}
