//! The tests of the convention's own registry, thirteen of them, under its names. Where this library differs the test says why.

use std::{future::pending, time::Duration};

use lifecycle::{
    Cause, Context, Fault, HealthError, Idle, Reason, Registry, RegistryProblem, Result, State,
    Worker, registry, service,
};
use tokio::{sync::watch, time::sleep};
use tokio_util::sync::CancellationToken;

/// Blocks until it is stopped.
#[service(idle)]
struct Blocks;

impl Idle for Blocks {}

/// Is up once it is told so.
#[service(idle)]
struct UpWhenTold(watch::Receiver<bool>);

impl Idle for UpWhenTold {
    async fn startup(&self, _: &Context) -> Result {
        self.0.clone().wait_for(|told| *told).await?;
        Ok(())
    }
}

/// Fails as soon as it is started.
#[service(idle)]
struct Fails;

impl Idle for Fails {
    async fn startup(&self, _: &Context) -> Result {
        Err("startup failed".into())
    }
}

/// Is up, and fails later.
#[service(worker)]
struct FailsLater;

impl Worker for FailsLater {
    async fn run(&self, _: &Context) -> Result {
        sleep(Duration::from_secs(1)).await;
        Err("it is broken".into())
    }
}

fn states(handle: &lifecycle::Handle) -> Vec<(String, State)> {
    let states = handle.states().into_iter();
    states.map(|it| (it.name.to_string(), it.state)).collect()
}

/// `TestRegistryWith2Services`: a context that is cancelled is a future for `stop_on`.
#[tokio::test(start_paused = true)]
async fn registry_with_2_services() {
    let context = CancellationToken::new();
    let registry = registry! { "s1" => Blocks, "s2" => Blocks };
    let registry = registry
        .signals(false)
        .stop_on(context.clone().cancelled_owned());
    let running = registry.start();
    running.await_healthy().await.unwrap();

    context.cancel();
    assert!(matches!(running.wait().await, Reason::External));
    assert_eq!(running.stop().await.exit_code(), 0);
}

/// `TestRegistryWith2ServicesWithoutWait`.
#[tokio::test(start_paused = true)]
async fn registry_with_2_services_without_wait() {
    let running = registry! { "s1" => Blocks, "s2" => Blocks }
        .signals(false)
        .start();
    running.stop().await.into_result().unwrap();
}

/// `TestServiceStateTransitions`. Each move is told, in order, so the test does not poll.
#[tokio::test(start_paused = true)]
async fn service_state_transitions() {
    let registry = registry! { "s1" => Blocks }.signals(false);
    let mut moves = registry.subscribe();
    let running = registry.start();
    running.await_healthy().await.unwrap();
    running.stop().await.into_result().unwrap();

    let mut seen = Vec::new();
    while let Some(moved) = moves.recv().await {
        seen.push(moved.to);
    }
    assert_eq!(
        seen,
        [
            State::Waiting,
            State::Starting,
            State::Running,
            State::Stopping,
            State::Stopped
        ]
    );
}

/// `TestServiceStateWithHealthy`: what is a method `Healthy()` there is a `startup` that waits.
#[tokio::test(start_paused = true)]
async fn service_state_with_healthy() {
    let (up, told) = watch::channel(false);
    let running = registry! { "s1" => UpWhenTold(told) }
        .signals(false)
        .start();
    let handle = running.handle();
    sleep(Duration::from_secs(1)).await;
    assert_eq!(states(&handle), [("s1".into(), State::Starting)]);
    assert!(!handle.is_healthy());

    up.send(true).unwrap();
    running.await_healthy().await.unwrap();
    assert!(handle.is_healthy());
    running.stop().await.into_result().unwrap();
    // There a service that has stopped stays healthy.
    assert!(!handle.is_healthy());
}

/// `TestAwaitHealthy`.
#[tokio::test(start_paused = true)]
async fn await_healthy() {
    let running = registry! { "s1" => Blocks, "s2" => Blocks }
        .signals(false)
        .start();
    running.await_healthy().await.unwrap();
    assert!(running.handle().is_healthy());
}

/// `TestAwaitHealthyWithFailure`.
#[tokio::test(start_paused = true)]
async fn await_healthy_with_failure() {
    let running = registry! { "s1" => Blocks, "s2" => Fails }
        .signals(false)
        .start();
    let HealthError::Service(error) = running.await_healthy().await.unwrap_err() else {
        panic!("it is a failure");
    };
    assert_eq!(
        error.to_string(),
        "service `s2` failed in startup: startup failed"
    );
}

/// `TestServicesByState`: the map is the caller's.
#[tokio::test(start_paused = true)]
async fn services_by_state() {
    let (_up, told) = watch::channel(false);
    let running = registry! { "s1" => Blocks, "s2" => UpWhenTold(told) }
        .signals(false)
        .start();
    sleep(Duration::from_secs(1)).await;
    let states = running.handle().states();
    let of = |state| {
        let of = states.iter().filter(|it| it.state == state);
        of.map(|it| it.name.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(of(State::Running), ["s1"]);
    assert_eq!(of(State::Starting), ["s2"]);
}

/// `TestDependsOnStartsAfterDependency`. Differs: there the one that waits is `starting`, here it is `waiting`, so that a start that
/// hangs can be told from one that has not begun.
#[tokio::test(start_paused = true)]
async fn depends_on_starts_after_dependency() {
    let (up, told) = watch::channel(false);
    let running = registry! { "s1" => UpWhenTold(told), "s2" => Blocks, after = ["s1"] }
        .signals(false)
        .start();
    sleep(Duration::from_secs(1)).await;
    assert_eq!(
        states(&running.handle()),
        [
            ("s1".into(), State::Starting),
            ("s2".into(), State::Waiting)
        ]
    );
    up.send(true).unwrap();
    running.await_healthy().await.unwrap();
}

/// `TestDependsOnFailsWhenDependencyFails`: the error names both.
#[tokio::test(start_paused = true)]
async fn depends_on_fails_when_dependency_fails() {
    let running = registry! { "s1" => Fails, "s2" => Blocks, after = ["s1"] }
        .signals(false)
        .start();
    running.await_healthy().await.unwrap_err();
    let outcome = running.stop().await;
    let told: Vec<_> = outcome.failures().iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "service `s1` failed in startup: startup failed",
            "service `s2` was not started: it depends on `s1`, which failed"
        ]
    );
    assert_eq!(outcome.exit_code(), 1);
}

fn problems(registry: lifecycle::RegistryBuilder) -> Vec<RegistryProblem> {
    registry.build().unwrap_err().problems().to_vec()
}

/// `TestDependsOnUnknownServiceIsIgnored`. Refused: a name with a typo would be a service that starts too early, some of the time. In
/// `registry!` it does not compile.
#[test]
fn depends_on_unknown_service_is_refused() {
    let registry = Registry::builder().service("s1", Blocks).after(["unknown"]);
    let [problem] = &problems(registry)[..] else {
        panic!("one problem");
    };
    assert_eq!(
        problem.to_string(),
        "`s1` depends on `unknown`, which is not in the registry"
    );
}

/// `TestServiceStateFailed`. What was up is stopped in order here; there the process ends without `Stop`.
#[tokio::test(start_paused = true)]
async fn service_state_failed() {
    let running = registry! { "s1" => FailsLater, "s2" => Blocks, after = ["s1"] }
        .signals(false)
        .start();
    let Reason::Failure(error) = running.wait().await else {
        panic!("it is a failure");
    };
    assert_eq!(error.service(), "s1");
    let outcome = running.stop().await;
    let last: Vec<_> = outcome.services().iter().map(|it| it.state).collect();
    assert_eq!(last, [State::Failed, State::Stopped]);
}

/// `TestDependsOnSelfDependencyIsIgnored`. Refused, as it can only be a mistake.
#[test]
fn depends_on_self_dependency_is_refused() {
    let registry = Registry::builder().service("s1", Blocks).after(["s1"]);
    let [problem] = &problems(registry)[..] else {
        panic!("one problem");
    };
    assert_eq!(problem.to_string(), "`s1` depends on itself");
}

/// `TestDependsOnCycleReturnsError`. There the members of the cycle are told, here the path.
#[test]
fn depends_on_cycle_returns_error() {
    let registry = Registry::builder()
        .service("s1", Blocks)
        .after(["s2"])
        .service("s2", Blocks)
        .after(["s1"]);
    let [problem] = &problems(registry)[..] else {
        panic!("one problem");
    };
    assert_eq!(
        problem.to_string(),
        "services depend on each other in a cycle: `s1 -> s2 -> s1`"
    );
}

/// `TestName` and `TestNameWithInvalidCharacters`: the same rule.
#[test]
fn names() {
    for name in ["a", "sql-store_2"] {
        let registry = Registry::builder().service(name, Blocks).build();
        assert!(registry.is_ok(), "{name}");
    }
    for name in ["", "Upper", "1st", "has space", "dot.ted"] {
        let registry = Registry::builder().service(name, Blocks);
        assert_eq!(problems(registry).len(), 1, "{name}");
    }
}

/// Where there is no test there: a `Start` that returns early stays "running" there.
#[tokio::test(start_paused = true)]
async fn a_run_that_returns_early_is_a_failure() {
    #[service(worker)]
    struct Returns;
    impl Worker for Returns {
        async fn run(&self, _: &Context) -> Result {
            Ok(())
        }
    }
    let running = registry! { "s1" => Returns }.signals(false).start();
    let Reason::Failure(error) = running.wait().await else {
        panic!("it is a failure");
    };
    assert!(matches!(error.fault(), Fault::ExitedEarly));
}

/// There a failure ends the process before anything is flushed.
#[tokio::test(start_paused = true)]
async fn after_a_failure_the_others_are_flushed() {
    #[service(idle)]
    struct Flushes(watch::Sender<Option<String>>);
    impl Idle for Flushes {
        async fn drain(&self, cx: &Context) -> Result {
            if let Some(Cause::Shutdown(Reason::Failure(error))) = cx.cause() {
                self.0.send_replace(Some(error.service().to_string()));
            }
            Ok(())
        }
    }
    let (cause, flushed) = watch::channel(None);
    let outcome = registry! { "log" => Flushes(cause), before = all, "s1" => FailsLater }
        .signals(false)
        .run()
        .await;
    assert_eq!(flushed.borrow().as_deref(), Some("s1"));
    assert_eq!(outcome.exit_code(), 1);
}

/// There a service that does not stop holds the process for ever.
#[tokio::test(start_paused = true)]
async fn a_service_that_does_not_stop_is_dropped_at_its_time() {
    #[service(worker)]
    struct Deaf;
    impl Worker for Deaf {
        async fn run(&self, _: &Context) -> Result {
            pending().await
        }
    }
    let running = registry! { "s1" => Deaf, stop_timeout = "2s" }
        .signals(false)
        .start();
    running.await_healthy().await.unwrap();
    let outcome = running.stop().await;
    assert_eq!(outcome.laggards()[0].service, "s1");
}
