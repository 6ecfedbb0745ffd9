//! Services that end by themselves because the application stops: the `worker` line of the hooks, and
//! what a hook's error may say.
//!
//! The kind of fault: whether a service "exited early", or failed, was judged by its own stop channel,
//! which closes last. Everything that can ask comes before that, and the service may know of it before
//! the supervisor does:
//!
//! - the service itself (`cx.shutdown()`), a handle, `handle().wait()`, with and without a shutdown delay;
//! - what it shares with `stop_on`;
//! - the failure of another service, by what that one has dropped;
//! - a signal, by a handler of its own or by a registry inside it (see `signals.rs`).
//!
//! It may be of any shape, hand-written, behind a decorator, ready or not. It may also return the error
//! that tells of the stop: of the health that never came, of a tick that no longer runs, plain or
//! wrapped, from each hook and from a task.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use lifecycle::{
    Context, Fault, HealthError, Idle, Intake, Outcome, Queue, Reason, Result, Running, Scheduled,
    SendError, State, TriggerError, TrySendError, Worker, registry, service,
};
use lifecycle_tests::{
    Act, Hook, Journal, Moves, Plain, awaits_healthy, fails, hangs, millis, nothing, secs,
    shuts_down, spawns, start, state_of, takes, threads, until_requested, until_stopped, yields,
};
use tokio::sync::Notify;
use tokio::time::sleep;

fn clean(outcome: &Outcome) {
    assert!(outcome.failures().is_empty(), "{outcome}");
    assert_eq!(outcome.exit_code(), 0, "{outcome}");
}

fn ready() -> Hook {
    Act::Ready.into()
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_has_done_its_work_asks_for_the_stop_and_returns() {
    let journal = Journal::new();
    let running = start(registry! {
        "store" => journal.script().idle(),
        "import" => journal.script().run(shuts_down()).worker(), after = ["store"],
        "api" => journal.script().run(until_stopped().then(takes(secs(2)))).worker(),
            after = ["import"],
    });
    let handle = running.handle();
    assert!(matches!(running.wait().await, Reason::Requested));
    let outcome = running.stop().await;
    clean(&outcome);
    journal.assert_order(&[
        "import: run done",
        "import: drain",
        "import: drain done",
        "store: drain",
    ]);
    for service in ["store", "import", "api"] {
        assert_eq!(state_of(&handle, service), State::Stopped);
    }
}

/// Services of each shape that return as soon as a stop is requested, the last one before it was ready.
fn all_of_them(journal: &Journal) -> lifecycle::Registry {
    let script = || journal.script();
    registry! {
        "store" => script().idle(),
        "worker" => script().run(until_requested()).worker(), after = ["store"],
        "custom" => script().run(ready().then(until_requested())).custom(), after = ["worker"],
        "wrapped" => Plain(script().run(until_requested()).worker()), after = ["custom"],
        "tasks" => script().run(spawns(until_requested()).then(until_requested())).worker(),
            after = ["wrapped"],
        "oneshot" => script().run(until_requested()).oneshot(), after = ["tasks"],
        "unready" => script().run(until_requested()).custom(), after = ["tasks"],
        "last" => script().run(until_stopped().then(takes(secs(1)))).worker(), after = ["tasks"],
    }
}

/// Each in its turn, and drained in it.
fn in_order(journal: &Journal, delay: Duration) {
    for service in ["worker", "wrapped"] {
        assert_eq!(
            journal.of(service),
            [
                "startup",
                "startup done",
                "run",
                "run done",
                "drain",
                "drain done"
            ]
        );
    }
    assert_eq!(
        journal.of("custom")[..],
        ["start", "start done", "stop", "stop done"]
    );
    assert_eq!(
        journal.of("unready")[..],
        ["start", "start done", "stop", "stop done"]
    );
    journal.assert_order(&[
        "last: drain done",
        "tasks: drain",
        "tasks: drain done",
        "wrapped: drain",
        "wrapped: drain done",
        "custom: stop",
        "custom: stop done",
        "worker: drain",
        "worker: drain done",
        "store: drain",
    ]);
    assert_eq!(journal.at("worker: run done"), secs(3));
    assert_eq!(journal.at("store: drain"), secs(3) + delay + secs(1));
}

async fn stopped_by(delay: Duration, ask: impl FnOnce(&Running)) -> (Journal, Outcome) {
    let journal = Journal::new();
    let running = start(all_of_them(&journal).shutdown_delay(delay));
    sleep(secs(3)).await;
    ask(&running);
    running.wait().await;
    let outcome = running.stop().await;
    (journal, outcome)
}

#[tokio::test(start_paused = true)]
async fn whatever_shape_returns_after_the_request_waits_for_its_turn_and_drains_in_it() {
    for delay in [Duration::ZERO, secs(5)] {
        let (journal, outcome) = stopped_by(delay, |running| running.handle().shutdown()).await;
        clean(&outcome);
        in_order(&journal, delay);
        assert_eq!(outcome.took(), Some(delay + secs(1)), "the delay stands");
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_asks_an_end_after_that_is_clean() {
    for delay in [Duration::ZERO, secs(5)] {
        let journal = Journal::new();
        let registry = all_of_them(&journal).shutdown_delay(delay);
        let running = start(registry.stop_on(sleep(secs(3))));
        assert!(matches!(running.wait().await, Reason::External));
        clean(&running.stop().await);
        in_order(&journal, delay);

        let journal = Journal::new();
        let running = start(all_of_them(&journal).shutdown_delay(delay));
        let handle = running.handle();
        let moves = Moves::watch(&handle);
        sleep(secs(3)).await;
        drop(running);
        moves.collect().await;
        in_order(&journal, delay);
        assert!(handle.states().iter().all(|status| status.error.is_none()));
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_failure_only_that_is_one() {
    let journal = Journal::new();
    let running = start(registry! {
        shutdown_delay = secs(5),
        "store" => journal.script().idle(),
        "worker" => journal.script().run(until_requested()).worker(), after = ["store"],
        "bad" => journal.script().run(takes(secs(3)).then(fails("disk full"))).worker(),
    });
    running.wait().await;
    let outcome = running.stop().await;
    let failed: Vec<_> = outcome.failures().iter().map(ToString::to_string).collect();
    assert_eq!(failed, ["service `bad` failed in run: disk full"]);
    assert_eq!(journal.count("worker: drain done"), 1);
    assert_eq!(outcome.took(), Some(Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn one_that_returned_before_it_was_ready_does_not_run_into_its_start_timeout() {
    let journal = Journal::new();
    let running = start(registry! {
        shutdown_delay = secs(5),
        "a" => journal.script().run(until_requested()).custom(), start_timeout = secs(4),
        "b" => journal.script().startup(awaits_healthy()).idle(), start_timeout = secs(4),
    });
    sleep(secs(3)).await;
    running.handle().shutdown();
    let outcome = running.stop().await;
    clean(&outcome);
    assert_eq!(outcome.took(), Some(secs(5)));
}

#[tokio::test(start_paused = true)]
async fn before_the_request_an_end_is_the_failure_exited_early() {
    let journal = Journal::new();
    let running = start(registry! {
        "a" => journal.script().run(takes(secs(1))).worker(),
        "b" => journal.script().run(until_requested()).worker(),
    });
    assert!(matches!(running.wait().await, Reason::Failure(_)));
    let outcome = running.stop().await;
    assert_eq!(outcome.failures().len(), 1, "{outcome}");
    assert!(matches!(outcome.failures()[0].fault(), Fault::ExitedEarly));
}

#[tokio::test(start_paused = true)]
async fn what_fails_after_such_an_end_fails() {
    let journal = Journal::new();
    let running = start(registry! {
        "drain" => journal.script().run(until_requested()).drain(fails("lost")).worker(),
        "task" => journal.script()
            .run(spawns(until_stopped().then(fails("broken"))).then(until_requested())).worker(),
        "late" => journal.script().run(until_requested()).drain(hangs()).custom(),
    });
    sleep(secs(1)).await;
    let outcome = running.stop().await;
    assert_eq!(outcome.failures().len(), 2, "{outcome}");
    assert_eq!(outcome.laggards().len(), 1, "{outcome}");
    assert_eq!(outcome.laggards()[0].phase.to_string(), "drain");
    assert_eq!(journal.count("task: drain done"), 1);
}

/// Cancelled once, and seen by everybody who looks from then on.
#[derive(Clone, Default)]
struct Token(Arc<(AtomicBool, Notify)>);

impl Token {
    fn cancel(&self) {
        self.0.0.store(true, Ordering::SeqCst);
        self.0.1.notify_waiters();
    }

    async fn cancelled(&self) {
        let mut notified = pin!(self.0.1.notified());
        poll_fn(|task| {
            if self.0.0.load(Ordering::SeqCst) {
                return Poll::Ready(());
            }
            notified.as_mut().poll(task)
        })
        .await;
    }
}

/// Stops when its token is cancelled, as a server that is handed one does.
#[service(worker)]
struct ByToken(Token);

impl Worker for ByToken {
    async fn run(&self, _: &Context) -> Result {
        self.0.cancelled().await;
        Ok(())
    }
}

/// Asks for the stop, and then cancels the token of another service.
#[service(worker)]
struct Cancels(Token);

impl Worker for Cancels {
    async fn run(&self, cx: &Context) -> Result {
        tokio::task::yield_now().await;
        cx.shutdown();
        self.0.cancel();
        Ok(())
    }
}

#[test]
fn a_token_that_a_worker_shares_with_stop_on_is_seen_in_time_in_4000_tries() {
    for count in [0, 4] {
        threads(count).block_on(async {
            for number in 0..2_000 {
                let token = Token::default();
                let seen = token.clone();
                let journal = Journal::new();
                let registry = registry! {
                    "store" => journal.script().idle(),
                    "server" => ByToken(token.clone()), after = ["store"],
                };
                let running = start(registry.stop_on(async move { seen.cancelled().await }));
                for _ in 0..number % 8 {
                    tokio::task::yield_now().await;
                }
                if number % 2 == 0 {
                    running.await_healthy().await.unwrap();
                }
                token.cancel();
                assert!(matches!(running.wait().await, Reason::External));
                clean(&running.stop().await);
            }
        });
    }
}

#[test]
fn what_follows_a_request_of_another_service_is_seen_in_time_in_4000_tries() {
    for count in [0, 4] {
        threads(count).block_on(async {
            for _ in 0..2_000 {
                let token = Token::default();
                let running = start(registry! {
                    "server" => ByToken(token.clone()),
                    "import" => Cancels(token),
                });
                assert!(matches!(running.wait().await, Reason::Requested));
                clean(&running.stop().await);
            }
        });
    }
}

#[derive(Debug, thiserror::Error)]
enum AppError {
    #[error("not ready")]
    Health(#[from] HealthError),
    #[error(transparent)]
    Transparent(HealthError),
    #[error("no tick")]
    Trigger(#[source] TriggerError),
    #[error(transparent)]
    TriggerTransparent(TriggerError),
    #[error(transparent)]
    Send(SendError<u32>),
    #[error("not sent")]
    TrySend(#[source] TrySendError<u32>),
}

/// What a hook makes of the error that tells of the stop.
#[derive(Clone, Copy, Debug)]
enum As {
    Plain,
    Source,
    Transparent,
    Reason,
    Trigger,
    TriggerSource,
    TriggerTransparent,
    Send,
    SendTransparent,
    TrySendSource,
}

const ALL: [As; 10] = [
    As::Plain,
    As::Source,
    As::Transparent,
    As::Reason,
    As::Trigger,
    As::TriggerSource,
    As::TriggerTransparent,
    As::Send,
    As::SendTransparent,
    As::TrySendSource,
];

impl As {
    async fn error(self, cx: &Context) -> Result {
        let health = || async { cx.handle().await_healthy().await };
        let trigger = || async { cx.handle().trigger("clock").await };
        match self {
            Self::Plain => health().await?,
            Self::Source => health().await.map_err(AppError::Health)?,
            Self::Transparent => health().await.map_err(AppError::Transparent)?,
            Self::Reason => return Err(cx.handle().wait().await.into()),
            Self::Trigger => trigger().await?,
            Self::TriggerSource => trigger().await.map_err(AppError::Trigger)?,
            Self::TriggerTransparent => trigger().await.map_err(AppError::TriggerTransparent)?,
            Self::Send => send(cx).await?,
            Self::SendTransparent => send(cx).await.map_err(AppError::Send)?,
            Self::TrySendSource => {
                let closed = send(cx)
                    .await
                    .map_err(|error| TrySendError::Closed(error.0));
                closed.map_err(AppError::TrySend)?;
            }
        }
        Ok(())
    }
}

/// Sends to a queue of the application until that takes no more.
async fn send(cx: &Context) -> Result<(), SendError<u32>> {
    cx.handle().wait().await;
    let closed = Intake::bounded(1);
    let registry = registry! { "sink" => Sink(closed.clone()) };
    drop(registry);
    closed.send(7).await
}

#[service(queue(size = 1, interval = "1s"))]
struct Sink(Intake<u32>);

impl Queue for Sink {
    type Item = u32;

    fn intake(&self) -> &Intake<u32> {
        &self.0
    }

    async fn flush(&self, _: &[u32], _: &Context) -> Result {
        Ok(())
    }
}

/// Returns it from `run`, or from a task.
#[service(worker)]
struct Tells(As, bool);

impl Worker for Tells {
    async fn run(&self, cx: &Context) -> Result {
        let (how, own) = (self.0, cx.clone());
        if !self.1 {
            return how.error(cx).await;
        }
        cx.spawn(async move { how.error(&own).await });
        cx.stop_channel().closed().await;
        Ok(())
    }
}

/// Its tick is what the others ask for; it never ends by itself.
#[service(scheduled(interval = "1h"))]
struct Clock;

impl Scheduled for Clock {
    async fn tick(&self, _: &Context) -> Result {
        std::future::pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_that_tells_of_the_stop_is_no_failure_of_a_run_or_a_task() {
    for how in ALL {
        for in_task in [false, true] {
            let journal = Journal::new();
            let running = start(registry! {
                "store" => journal.script().idle(),
                "tells" => Tells(how, in_task), after = ["store"],
                "clock" => Clock, stop_timeout = secs(1),
                "never" => journal.script().startup(hangs()).idle(), after = ["store"],
            });
            sleep(secs(3)).await;
            let outcome = running.stop().await;
            assert_eq!(outcome.failures().len(), 0, "{how:?} {in_task}: {outcome}");
            assert_eq!(
                outcome.services()[1].state,
                State::Stopped,
                "{how:?}: {outcome}"
            );
            assert_eq!(journal.count("store: drain done"), 1);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_that_tells_of_the_stop_is_no_failure_of_any_shape() {
    let journal = Journal::new();
    let script = || journal.script();
    let running = start(registry! {
        "startup" => script().startup(awaits_healthy()).idle(),
        "custom" => script().run(ready().then(awaits_healthy())).custom(),
        "unready" => script().run(awaits_healthy()).custom(),
        "oneshot" => script().run(awaits_healthy()).oneshot(),
        "wrapped" => Plain(script().run(awaits_healthy()).worker()),
        "never" => script().startup(hangs()).idle(),
    });
    sleep(secs(3)).await;
    let outcome = running.stop().await;
    clean(&outcome);
    assert_eq!(outcome.took(), Some(Duration::ZERO));
    assert_eq!(journal.count("wrapped: drain done"), 1);
    assert_eq!(journal.count("startup: drain"), 0, "it was never up");
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_told_once_and_not_again_by_those_who_wait_for_health() {
    let journal = Journal::new();
    let running = start(registry! {
        "waits" => journal.script().run(awaits_healthy()).worker(),
        "bad" => journal.script().startup(takes(secs(1)).then(fails("no port"))).idle(),
    });
    running.wait().await;
    let outcome = running.stop().await;
    let failed: Vec<_> = outcome.failures().iter().map(ToString::to_string).collect();
    assert_eq!(failed, ["service `bad` failed in startup: no port"]);
}

#[tokio::test(start_paused = true)]
async fn an_error_of_its_own_is_a_failure_after_the_request_as_well() {
    let journal = Journal::new();
    let running = start(registry! {
        "a" => journal.script().run(until_requested().then(fails("disk full"))).worker(),
    });
    sleep(secs(1)).await;
    let outcome = running.stop().await;
    let failed: Vec<_> = outcome.failures().iter().map(ToString::to_string).collect();
    assert_eq!(failed, ["service `a` failed in run: disk full"]);
}

#[tokio::test(start_paused = true)]
async fn an_error_of_a_drain_is_a_failure_whatever_it_tells_of() {
    let journal = Journal::new();
    let running = start(registry! {
        "a" => journal.script().drain(awaits_healthy()).idle(),
        "never" => journal.script().startup(hangs()).idle(),
    });
    sleep(secs(1)).await;
    let outcome = running.stop().await;
    let failed: Vec<_> = outcome.failures().iter().map(ToString::to_string).collect();
    let told = "service `a` failed in drain: the application is stopping: stop requested";
    assert_eq!(failed, [told], "what it has not flushed is lost");
}

/// Waits for the health of an application that is not its own.
#[service(worker)]
struct Stranger(lifecycle::Handle);

impl Worker for Stranger {
    async fn run(&self, cx: &Context) -> Result {
        self.0.await_healthy().await?;
        cx.stop_channel().closed().await;
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn the_stop_of_another_application_is_a_failure_unless_its_own_stops() {
    let journal = Journal::new();
    let other = start(registry! { "a" => journal.script().startup(hangs()).idle() });
    let running = start(registry! { "b" => Stranger(other.handle()) });
    sleep(millis(1)).await;
    other.handle().shutdown();
    assert!(matches!(running.wait().await, Reason::Failure(_)));
    assert_eq!(running.stop().await.exit_code(), 1);
    clean(&other.stop().await);
}

/// Sends to a queue that has closed, with no stop in sight.
#[service(worker)]
struct Sends(Intake<u32>);

impl Worker for Sends {
    async fn run(&self, _: &Context) -> Result {
        sleep(secs(1)).await;
        self.0.send(1).await?;
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn an_item_that_is_not_taken_is_a_failure_while_nothing_has_asked_for_the_stop() {
    let intake = Intake::bounded(1);
    drop(registry! { "sink" => Sink(intake.clone()) });
    let running = start(registry! { "sends" => Sends(intake) });
    let reason = running.wait().await.to_string();
    assert_eq!(reason, "service `sends` failed in run: the queue is closed");
    assert_eq!(running.stop().await.exit_code(), 1);
}

/// Fails, once the stop was requested, with the failure of a service of another application.
#[service(worker)]
struct PassesOn(lifecycle::Handle);

impl Worker for PassesOn {
    async fn run(&self, cx: &Context) -> Result {
        cx.handle().wait().await;
        self.0.await_healthy().await?;
        Ok(())
    }
}

/// Fails, and names a stop as its cause.
#[service(idle)]
struct Stopped;

impl Idle for Stopped {
    async fn startup(&self, _: &Context) -> Result {
        Err(TriggerError::Stopped.into())
    }
}

#[tokio::test(start_paused = true)]
async fn the_failure_of_another_application_is_one_whatever_caused_it() {
    let other = start(registry! { "a" => Stopped });
    other.wait().await;
    let running = start(registry! { "b" => PassesOn(other.handle()) });
    running.await_healthy().await.unwrap();
    let outcome = running.stop().await;
    let failed: Vec<_> = outcome.failures().iter().map(ToString::to_string).collect();
    let told = "service `b` failed in run: service `a` failed in startup: the service has stopped";
    assert_eq!(failed, [told]);
    other.stop().await.into_result().unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn a_task_that_ends_with_the_stop_ends_nothing_else() {
    let journal = Journal::new();
    let task = spawns(awaits_healthy()).then(yields()).then(nothing());
    let running = start(registry! {
        shutdown_delay = secs(5),
        "a" => journal.script().startup(task.then(hangs())).idle(), start_timeout = secs(4),
    });
    sleep(secs(1)).await;
    running.handle().shutdown();
    let outcome = running.stop().await;
    assert_eq!(outcome.failures().len(), 1, "{outcome}");
    let fault = outcome.failures()[0].fault();
    assert!(
        matches!(fault, Fault::StartTimeout(_)),
        "its startup still hangs: {fault:?}"
    );
}
