//! What becomes of services that were never started: their destructors are the only code of them that runs, at a time and a place
//! the library chooses.
//!
//! The kind is user code that runs where it was not called: a destructor that blocks or panics must hold up or end nobody else. It
//! runs because a dependency failed, because the stop came first, because the registry was refused (no registry, no runtime, no timer),
//! or because nobody started it; and the items of a queue have destructors too, one after the other.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

use lifecycle::{
    Context, Idle, Intake, Outcome, Queue, Registry, Result, State, TrySendError, registry, service,
};
use lifecycle_tests::{Journal, fails, hangs, secs, start, state_of, threads};
use tokio::runtime::Builder;
use tokio::task::yield_now;
use tokio::time::sleep;

/// Its destructor blocks the thread until it is let go.
#[service(idle)]
struct Blocker {
    until: Mutex<Receiver<()>>,
    journal: Journal,
}

impl Idle for Blocker {}

impl Drop for Blocker {
    fn drop(&mut self) {
        let until = self.until.get_mut().unwrap_or_else(PoisonError::into_inner);
        let _ = until.recv();
        self.journal.note("gone");
    }
}

/// Its drain lets a destructor go that blocks.
#[service(idle)]
struct Releaser(Sender<()>);

impl Idle for Releaser {
    async fn drain(&self, _: &Context) -> Result {
        let _ = self.0.send(());
        Ok(())
    }
}

/// A service that is never started, as what it depends on does not come up, and one that lets it go when
/// it is drained.
fn blocked(journal: &Journal, why: &str) -> Registry {
    let (release, until) = channel();
    let until = Mutex::new(until);
    let journal = journal.clone();
    let cause = match why {
        "failed" => journal.script().startup(fails("no")),
        _ => journal.script().startup(hangs()),
    };
    let blocker = Blocker { until, journal };
    registry! {
        "store" => Releaser(release),
        "cause" => cause.idle(), after = ["store"], on_failure = ignore,
        "blocker" => blocker, after = ["cause"], on_failure = ignore,
    }
}

async fn stop(registry: Registry) -> Outcome {
    let running = start(registry);
    for _ in 0..100 {
        yield_now().await;
    }
    running.stop().await
}

#[test]
fn a_destructor_that_blocks_holds_up_nobody_and_has_run_when_stop_returns() {
    for why in ["failed", "stopped"] {
        for runtime in [threads(0), threads(1)] {
            let journal = Journal::new();
            let outcome = runtime.block_on(stop(blocked(&journal, why)));
            assert_eq!(journal.count("gone"), 1, "{why}: {outcome}");
            outcome.into_result().unwrap();
        }
    }
}

#[test]
fn a_destructor_that_never_returns_is_late_and_nobody_else_is() {
    let runtime = threads(0);
    let journal = Journal::new();
    let (release, until) = channel();
    let blocker = Blocker {
        until: Mutex::new(until),
        journal: journal.clone(),
    };
    let outcome = runtime.block_on(stop(registry! {
        "store" => journal.script().idle(),
        "cause" => journal.script().startup(hangs()).idle(), after = ["store"],
        "blocker" => blocker, after = ["cause"], stop_timeout = "50ms",
    }));
    let late: Vec<_> = outcome.laggards().iter().map(|one| &*one.service).collect();
    assert_eq!(late, ["blocker"], "{outcome}");
    assert_eq!(journal.count("store: drain done"), 1);
    assert_eq!(outcome.services()[0].state, State::Stopped);
    drop(release);
}

/// Panics when it is dropped.
#[service(idle)]
struct Clingy(Journal);

impl Idle for Clingy {}

impl Drop for Clingy {
    fn drop(&mut self) {
        self.0.note("gone");
        panic!("in a destructor");
    }
}

/// Two services, and a future, that panic when they are dropped.
fn clingy(journal: &Journal) -> Registry {
    let last = Clingy(journal.clone());
    let registry = registry! {
        "one" => Clingy(journal.clone()),
        "two" => Clingy(journal.clone()),
    };
    registry.stop_on(async move {
        let _last = last;
        std::future::pending::<()>().await;
    })
}

#[test]
fn a_refused_start_drops_its_services_one_by_one() {
    let without_timer = Builder::new_current_thread().build().unwrap();
    let journal = Journal::new();
    let outside = clingy(&journal).signals(false).start();
    drop(outside);
    assert_eq!(journal.count("gone"), 3);
    let outcome = without_timer.block_on(clingy(&journal).signals(false).run());
    assert!(
        outcome.to_string().starts_with("not started: "),
        "{outcome}"
    );
    assert_eq!(journal.count("gone"), 6);
    // It is no registry: there are two of one name.
    let registry = Registry::builder()
        .service("one", Clingy(journal.clone()))
        .service("one", Clingy(journal.clone()))
        .build();
    assert!(registry.is_err());
    assert_eq!(journal.count("gone"), 8);
}

#[tokio::test(start_paused = true)]
async fn services_that_panic_as_they_are_let_go_harm_nobody() {
    let journal = Journal::new();
    let running = start(registry! {
        "store" => journal.script().idle(),
        "slow" => journal.script().startup(hangs()).idle(), after = ["store"],
        "one" => Clingy(journal.clone()), after = ["slow"],
        "two" => Clingy(journal.clone()), after = ["slow"],
    });
    sleep(secs(1)).await;
    assert_eq!(state_of(&running.handle(), "two"), State::Waiting);
    running.stop().await.into_result().unwrap();
    assert_eq!(journal.count("gone"), 2);
    assert_eq!(journal.count("store: drain done"), 1);
}

/// An item that panics when it is dropped.
struct Thorn(Arc<Mutex<u32>>);

impl Drop for Thorn {
    fn drop(&mut self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        panic!("in a destructor");
    }
}

#[service(queue(size = 4, interval = "1s"))]
struct Thorns(Intake<Thorn>);

impl Queue for Thorns {
    type Item = Thorn;

    fn intake(&self) -> &Intake<Thorn> {
        &self.0
    }

    async fn flush(&self, _: &[Thorn], _: &Context) -> Result {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn items_whose_destructors_panic_are_dropped_one_by_one() {
    let dropped = Arc::default();
    let journal = Journal::new();
    let intake = Intake::bounded(10);
    let running = start(registry! {
        "store" => journal.script().idle(),
        "thorns" => Thorns(intake.clone()), after = ["store"],
    });
    running.await_healthy().await.unwrap();
    for _ in 0..10 {
        let _ = intake.try_send(Thorn(Arc::clone(&dropped)));
    }
    let reason = running.wait().await;
    assert_eq!(
        reason.to_string(),
        "service `thorns` panicked in flush: in a destructor"
    );
    let outcome = running.stop().await;
    assert_eq!(outcome.exit_code(), 1);
    assert_eq!(journal.count("store: drain done"), 1);
    drop(intake);
    assert_eq!(*dropped.lock().unwrap(), 10);
}

#[test]
fn what_is_left_in_an_intake_is_dropped_item_by_item() {
    let dropped = Arc::default();
    let intake = Intake::bounded(3);
    for _ in 0..3 {
        assert!(intake.try_send(Thorn(Arc::clone(&dropped))).is_ok());
    }
    let refused = intake.try_send(Thorn(Arc::default()));
    let Err(TrySendError::Full(thorn)) = refused else {
        return;
    };
    std::mem::forget(thorn);
    drop(intake);
    assert_eq!(*dropped.lock().unwrap(), 3);
}
