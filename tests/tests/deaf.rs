//! A log that panics, as one does when its standard error is closed, and a waker that does: the library goes on without the one,
//! and leaves nobody behind for the other.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{self, Wake};

use lifecycle::{Registry, State, registry};
use lifecycle_tests::{Journal, fails, hangs, secs, spawns, start, takes};
use tokio::runtime::Handle;
use tokio::task::yield_now;
use tokio::time::timeout;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::set_default;
use tracing::{Event, Metadata, Subscriber};

/// Panics at each line of the library.
struct Closed;

impl Subscriber for Closed {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        panic!("standard error is closed");
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {
        panic!("standard error is closed");
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

fn services(journal: &Journal) -> Registry {
    registry! {
        "store" => journal.script().drain(takes(secs(1))).idle(),
        "api" => journal.script().run(takes(secs(1)).then(fails("no port"))).worker(), after = ["store"],
        "hung" => journal.script().run(hangs()).worker(), after = ["store"],
    }
}

#[tokio::test(start_paused = true)]
async fn a_log_that_panics_does_not_keep_anybody_from_draining() {
    let _closed = set_default(Closed);
    let journal = Journal::new();
    let running = start(services(&journal));
    let waited = timeout(secs(5), running.wait()).await.unwrap();
    assert_eq!(waited.to_string(), "service `api` failed in run: no port");
    let outcome = running.stop().await;
    assert_eq!(journal.count("store: drain done"), 1);
    assert_eq!(outcome.laggards().len(), 1);
    assert_eq!(outcome.services()[0].state, State::Stopped, "{outcome}");
}

/// Panics when it is woken.
struct Alarmed;

impl Wake for Alarmed {
    fn wake(self: Arc<Self>) {
        panic!("not now");
    }
}

#[tokio::test(start_paused = true)]
async fn no_service_outlives_a_supervisor_that_panicked() {
    let before = Handle::current().metrics().num_alive_tasks();
    let journal = Journal::new();
    let running = start(registry! {
        "store" => journal.script().idle(),
        "api" => journal.script().run(takes(secs(1)).then(fails("no port"))).worker(), after = ["store"],
        "hung" => journal.script().run(spawns(hangs()).then(hangs())).worker(), after = ["store"],
    });
    running.await_healthy().await.unwrap();
    let mut moves = running.handle().subscribe();
    let mut next = pin!(moves.recv());
    let waker = Arc::new(Alarmed).into();
    assert!(
        next.as_mut()
            .poll(&mut task::Context::from_waker(&waker))
            .is_pending()
    );

    let reason = timeout(secs(5), running.wait()).await.unwrap();
    assert_eq!(reason.to_string(), "the running registry was dropped");
    let outcome = running.stop().await;
    assert_eq!(outcome.exit_code(), 1, "{outcome}");
    yield_now().await;
    assert_eq!(journal.count("hung: run dropped"), 1);
    assert_eq!(journal.count("hung: task dropped"), 1);
    assert_eq!(Handle::current().metrics().num_alive_tasks(), before);
}
