//! Services that leave hooks out: what has no code to run has no task, and nobody can tell.

use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::Poll;

use lifecycle::{Context, Fault, Idle, Phase, Result, State, registry, service};
use lifecycle_tests::{Journal, Moves, hangs, secs, start, takes};
use tokio::runtime::Handle;
use tokio::time::sleep;

/// There to be called.
#[service(idle)]
struct Table;

impl Idle for Table {}

/// Holds something with a destructor.
#[service(idle)]
struct Guarded(#[expect(dead_code, reason = "what counts is its destructor")] Guard);

impl Idle for Guarded {}

struct Guard(Journal, &'static str);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.note(self.1);
        assert_ne!(self.1, "a bad one", "it can't be dropped");
    }
}

/// A `startup` that is not an `async fn`, and whose future has no size.
#[service(idle)]
struct Counted;

static POLLS: AtomicU32 = AtomicU32::new(0);

impl Idle for Counted {
    fn startup(&self, _: &Context) -> impl Future<Output = Result> + Send {
        poll_fn(|_| {
            POLLS.fetch_add(1, Ordering::Relaxed);
            Poll::Ready(Ok(()))
        })
    }
}

fn tasks() -> usize {
    Handle::current().metrics().num_alive_tasks()
}

#[tokio::test(start_paused = true)]
async fn a_service_with_nothing_to_do_has_no_task() {
    let journal = Journal::new();
    let running = start(registry! {
        "table" => Table,
        "shared" => Arc::new(Table), after = ["table"],
        "held" => Guarded(Guard(journal.clone(), "held")), after = ["shared"],
    });
    running.await_healthy().await.unwrap();
    assert_eq!(tasks(), 1, "the supervisor's");
    assert_eq!(journal.timed(), [""; 0]);
    running.stop().await.into_result().unwrap();
    assert_eq!(journal.timed(), ["0ns held"]);
    assert_eq!(tasks(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_only_drains_has_a_task_that_waits_for_it() {
    let journal = Journal::new();
    let running = start(registry! {
        "store" => journal.script().drain(takes(secs(1))).resting(),
    });
    running.await_healthy().await.unwrap();
    assert_eq!(tasks(), 2, "the supervisor's, its own");
    assert_eq!(journal.timed(), [""; 0]);
    running.stop().await.into_result().unwrap();
    assert_eq!(
        journal.timed(),
        ["0ns store: drain", "1s store: drain done"]
    );
    assert_eq!(tasks(), 0);
}

#[tokio::test(start_paused = true)]
async fn it_moves_through_the_same_states_in_the_same_order() {
    let running = start(registry! { "api" => Table, after = ["table"], "table" => Table });
    let moves = Moves::watch(&running.handle());
    running.await_healthy().await.unwrap();
    running.stop().await.into_result().unwrap();
    let expected = [
        "api: new -> waiting",
        "table: new -> waiting",
        "table: waiting -> starting",
        "table: starting -> running",
        "api: waiting -> starting",
        "api: starting -> running",
        "api: running -> stopping",
        "api: stopping -> stopped",
        "table: running -> stopping",
        "table: stopping -> stopped",
    ];
    assert_eq!(moves.all().await, expected);
}

#[tokio::test(start_paused = true)]
async fn its_drain_waits_for_its_dependents_and_its_dependencies_for_it() {
    let journal = Journal::new();
    let running = start(registry! {
        "store" => journal.script().drain(takes(secs(1))).idle(),
        "cache" => journal.script().drain(takes(secs(2))).resting(), after = ["store"],
        "api" => journal.script().drain(takes(secs(3))).idle(), after = ["cache"],
    });
    running.await_healthy().await.unwrap();
    running.stop().await.into_result().unwrap();
    let drains: Vec<_> = journal.timed().split_off(4);
    let expected = [
        "0ns api: drain",
        "3s api: drain done",
        "3s cache: drain",
        "5s cache: drain done",
        "5s store: drain",
        "6s store: drain done",
    ];
    assert_eq!(drains, expected);
}

#[tokio::test(start_paused = true)]
async fn a_late_drain_of_it_is_dropped_and_named() {
    let journal = Journal::new();
    let running = start(registry! {
        "cache" => journal.script().drain(hangs()).resting(), stop_timeout = "4s",
    });
    running.await_healthy().await.unwrap();
    sleep(secs(10)).await;
    let outcome = running.stop().await;
    let laggard = &outcome.laggards()[0];
    assert_eq!(
        (&*laggard.service, laggard.phase, laggard.had),
        ("cache", Phase::Drain, secs(4))
    );
    assert_eq!(outcome.services()[0].state, State::Failed);
}

#[tokio::test(start_paused = true)]
async fn its_destructor_runs_when_its_turn_has_come_and_its_panic_is_its_failure() {
    let journal = Journal::new();
    let running = start(registry! {
        "store" => journal.script().idle(),
        "bad" => Guarded(Guard(journal.clone(), "a bad one")), after = ["store"],
        "good" => Guarded(Guard(journal.clone(), "a good one")), after = ["bad"],
    });
    running.await_healthy().await.unwrap();
    assert_eq!(tasks(), 2, "the supervisor's, the store's");
    let outcome = running.stop().await;
    let lines = journal.timed().split_off(2);
    let expected = [
        "0ns a good one",
        "0ns a bad one",
        "0ns store: drain",
        "0ns store: drain done",
    ];
    assert_eq!(lines, expected);
    let [failure] = outcome.failures() else {
        panic!("{outcome}");
    };
    assert_eq!(
        (&**failure.service(), failure.phase()),
        ("bad", Phase::Drain)
    );
    assert!(matches!(failure.fault(), Fault::Panic(_)));
}

#[tokio::test(start_paused = true)]
async fn a_hook_that_is_there_is_called_whatever_it_returns() {
    let running = start(registry! { "counted" => Counted });
    running.await_healthy().await.unwrap();
    assert_eq!(POLLS.load(Ordering::Relaxed), 1);
    running.stop().await.into_result().unwrap();
}
