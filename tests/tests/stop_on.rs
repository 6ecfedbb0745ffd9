//! The future of `stop_on`: rule 15.
//!
//! The kind: it is user code, so it may panic: at its first poll, later, while the application already stops for another reason,
//! or in its destructor, after it has resolved or without ever doing so. Each is a failure, told with its message, and the
//! services are drained all the same.

use std::future::{Future, pending, poll_fn, ready};
use std::pin::Pin;
use std::task::{Context as Task, Poll};

use lifecycle::{Outcome, Reason, Registry, registry};
use lifecycle_tests::{Journal, millis, secs, takes};
use tokio::time::sleep;

fn serve(journal: &Journal) -> Registry {
    registry! {
        shutdown_delay = "5s",
        "store" => journal.script().drain(takes(secs(1))).idle(),
    }
    .signals(false)
}

fn assert_failed(outcome: &Outcome, journal: &Journal) {
    assert_eq!(outcome.exit_code(), 1, "{outcome}");
    let text = "the future of `stop_on` panicked: boom";
    assert_eq!(outcome.to_string().matches(text).count(), 1, "{outcome}");
    assert!(journal.all().contains(&"store: drain done".to_owned()));
}

/// Panics when it is dropped.
struct Bomb<F>(F);

impl<F: Future + Unpin> Future for Bomb<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<F::Output> {
        Pin::new(&mut self.0).poll(task)
    }
}

impl<F> Drop for Bomb<F> {
    fn drop(&mut self) {
        panic!("boom");
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_panics_is_a_failure_that_stops_the_application_without_a_delay() {
    for wait in [0, 10] {
        let journal = Journal::new();
        let outcome = serve(&journal)
            .stop_on(async move {
                sleep(secs(wait)).await;
                panic!("boom");
            })
            .run()
            .await;
        assert!(
            matches!(outcome.reason(), Reason::ExternalPanicked(message) if &**message == "boom")
        );
        assert_failed(&outcome, &journal);
        assert_eq!(outcome.took(), Some(secs(1)), "the delay is skipped");
        assert!(outcome.failures().is_empty(), "no service has failed");
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_panics_while_the_application_stops_is_a_failure_too() {
    let journal = Journal::new();
    let registry = serve(&journal).stop_on(async {
        sleep(millis(5500)).await;
        panic!("boom");
    });
    let running = registry.start();
    running.await_healthy().await.unwrap();
    let outcome = running.stop().await;
    assert!(matches!(outcome.reason(), Reason::Requested));
    assert_failed(&outcome, &journal);
    assert_eq!(outcome.took(), Some(secs(6)), "nothing is hurried");
}

#[tokio::test(start_paused = true)]
async fn one_whose_destructor_panics_is_a_failure() {
    let journal = Journal::new();
    let outcome = serve(&journal).stop_on(Bomb(ready(()))).run().await;
    assert!(matches!(outcome.reason(), Reason::ExternalPanicked(_)));
    assert_failed(&outcome, &journal);

    let journal = Journal::new();
    let running = serve(&journal).stop_on(Bomb(pending::<()>())).start();
    running.await_healthy().await.unwrap();
    let outcome = running.stop().await;
    assert!(matches!(outcome.reason(), Reason::Requested));
    assert_failed(&outcome, &journal);
}

#[tokio::test(start_paused = true)]
async fn one_that_resolves_is_no_failure_whatever_it_resolves_with() {
    let journal = Journal::new();
    let resolved = poll_fn(|_| Poll::Ready(Err::<(), _>("closed")));
    let outcome = serve(&journal).stop_on(resolved).run().await;
    assert!(matches!(outcome.reason(), Reason::External));
    outcome.into_result().unwrap();
}
