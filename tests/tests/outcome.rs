//! How it ended: exit code, report text, errors.

use std::error::Error;
use std::fmt;
use std::process::{ExitCode, Termination};

use lifecycle::{
    Context, Idle, Registry, Result, Service, ServiceError, Worker, registry, service,
};
use lifecycle::{Fault, OnFailure, Outcome, Reason, Shape, State, async_trait};
use lifecycle_tests::{Journal, fails, hangs, nothing, panics, secs, start, takes, until_stopped};
use tokio::time::sleep;

async fn outcome_of(registry: Registry) -> Outcome {
    let running = start(registry);
    let _ = tokio::time::timeout(secs(60), running.wait()).await;
    running.stop().await
}

#[tokio::test(start_paused = true)]
async fn a_clean_stop_exits_with_zero() {
    let journal = Journal::new();
    let outcome = outcome_of(registry! { "a" => journal.script().idle(), }).await;
    assert_eq!(outcome.exit_code(), 0);
    assert!(outcome.failures().is_empty() && outcome.laggards().is_empty());
    assert_eq!(
        outcome.to_string(),
        "stopped: stop requested\n1 service: 1 stopped, 0 failed, 0 late; stopping took 0.0ns"
    );
    outcome.clone().into_result().unwrap();
    assert_eq!(
        format!("{:?}", outcome.report()),
        format!("{:?}", ExitCode::SUCCESS)
    );
}

#[tokio::test(start_paused = true)]
async fn a_failed_service_exits_with_one() {
    let journal = Journal::new();
    let outcome =
        outcome_of(registry! { "a" => journal.script().startup(fails("no")).idle(), }).await;
    assert_eq!(outcome.exit_code(), 1);
    assert_eq!(
        format!("{:?}", outcome.report()),
        format!("{:?}", ExitCode::from(1))
    );
}

#[tokio::test(start_paused = true)]
async fn a_failed_drain_exits_with_one() {
    let journal = Journal::new();
    let outcome =
        outcome_of(registry! { "a" => journal.script().drain(fails("no")).idle(), }).await;
    assert_eq!(outcome.exit_code(), 1);
    assert!(matches!(outcome.reason(), Reason::Requested));
}

#[tokio::test(start_paused = true)]
async fn a_failure_under_ignore_exits_with_zero_and_is_told() {
    let journal = Journal::new();
    let outcome = outcome_of(registry! {
        "metrics" => journal.script().run(fails("no port")).worker(), on_failure = ignore,
        "api" => journal.script().worker(),
    })
    .await;
    assert_eq!(outcome.exit_code(), 0);
    assert_eq!(outcome.failures().len(), 1);
    assert!(
        outcome
            .to_string()
            .contains("service `metrics` failed in run: no port")
    );
    assert_eq!(outcome.services()[0].on_failure, OnFailure::Ignore);
    outcome.into_result().unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_abandoned_service_exits_with_one_even_under_ignore() {
    let journal = Journal::new();
    let outcome = outcome_of(registry! {
        "a" => journal.script().drain(hangs()).idle(), on_failure = ignore,
    })
    .await;
    assert_eq!(outcome.exit_code(), 1);
    assert_eq!(outcome.laggards().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_report_tells_the_cause_first_then_the_rest_and_the_totals() {
    let journal = Journal::new();
    let outcome = outcome_of(registry! {
        "store" => journal.script().drain(fails("disk full")).idle(),
        "api" => journal.script().run(takes(secs(3)).then(panics("index 7"))).worker(), after = ["store"],
        "gc" => journal.script().run(hangs()).worker(), stop_timeout = secs(4),
        "web" => journal.script().startup(takes(secs(90))).idle(), after = ["store"],
    })
    .await;
    assert_eq!(
        outcome.to_string(),
        "stopped: service `api` panicked in run: index 7 (after 3.0s)\n  \
         service `store` failed in drain: disk full (after 3.0s)\n  \
         service `gc` did not stop in time: dropped in run after 3.0s\n\
         4 services: 1 stopped, 2 failed, 1 late; stopping took 3.0s"
    );
}

#[tokio::test(start_paused = true)]
async fn what_a_service_says_cannot_pass_for_a_line_of_the_report() {
    let journal = Journal::new();
    let forged =
        "bad row:\n  id = 7\r\n2 services: 2 stopped, 0 failed\n\u{1b}[2Jgone\tback\rover\n\n";
    let outcome = outcome_of(registry! {
        "store" => journal.script().drain(fails(forged)).idle(),
        "api" => journal.script().run(panics(forged)).worker(), after = ["store"],
    })
    .await;
    let quoted = "bad row:\n        id = 7\n      2 services: 2 stopped, 0 failed\n      \\u{1b}[2Jgone\tback\\rover";
    assert_eq!(
        outcome.to_string(),
        format!(
            "stopped: service `api` panicked in run: {quoted} (after 0.0ns)\n  \
             service `store` failed in drain: {quoted} (after 0.0ns)\n\
             2 services: 0 stopped, 2 failed, 0 late; stopping took 0.0ns"
        )
    );
    let raw = outcome.failures()[1].to_string();
    assert_eq!(raw, format!("service `store` failed in drain: {forged}"));
}

#[tokio::test(start_paused = true)]
async fn a_failure_without_words_is_still_a_sentence() {
    let journal = Journal::new();
    let outcome = outcome_of(registry! {
        "store" => journal.script().drain(fails(" ")).idle(),
        "api" => journal.script().run(panics("")).worker(), after = ["store"],
    })
    .await;
    let told: Vec<_> = outcome.failures().iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "service `api` panicked in run: no message",
            "service `store` failed in drain: no message"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn an_unclean_outcome_becomes_an_error_with_the_whole_report() {
    let journal = Journal::new();
    let outcome =
        outcome_of(registry! { "a" => journal.script().run(fails("no")).worker(), }).await;
    let report = outcome.to_string();
    let error = outcome.into_result().unwrap_err();
    assert_eq!(error.to_string(), report);
    assert_eq!(format!("{error:?}"), report, "what `main` prints");
    assert_eq!(error.outcome().failures().len(), 1);
    let boxed: lifecycle::BoxError = error.into();
    assert!(boxed.source().is_none(), "said once");
}

#[derive(Debug, thiserror::Error)]
#[error("cannot read the keys")]
struct NoKeys(#[source] std::io::Error);

#[service(worker)]
struct Keys;

impl Worker for Keys {
    async fn run(&self, _: &Context) -> Result {
        Err(NoKeys(std::io::Error::other("disk full")).into())
    }
}

/// Returns the failure of a service of another application, as what it is or as the source of its own.
#[service(idle)]
struct Wraps(ServiceError, bool);

#[derive(Debug, thiserror::Error)]
#[error("no tokens")]
struct NoTokens(#[source] ServiceError);

impl Idle for Wraps {
    async fn startup(&self, _: &Context) -> Result {
        let error = self.0.clone();
        if self.1 {
            return Err(NoTokens(error).into());
        }
        Err(error.into())
    }
}

fn sources(error: &dyn Error) -> Vec<String> {
    let mut told = Vec::new();
    let mut source = error.source();
    while let Some(error) = source {
        told.push(error.to_string());
        source = error.source();
    }
    told
}

#[tokio::test(start_paused = true)]
async fn a_failure_has_what_the_hook_returned_for_a_source_and_says_it_once() {
    let outcome = outcome_of(registry! { "keys" => Keys }).await;
    let error = &outcome.failures()[0];
    let sentence = "service `keys` failed in run: cannot read the keys: disk full";
    assert_eq!(error.to_string(), sentence);
    assert_eq!(sources(error), ["cannot read the keys", "disk full"]);
    assert!(error.source().unwrap().is::<NoKeys>());
    let running = start(registry! { "keys" => Keys });
    running.wait().await;
    let health = running.await_healthy().await.unwrap_err();
    assert_eq!(health.to_string(), sentence);
    assert_eq!(sources(&health), ["cannot read the keys", "disk full"]);
    running.stop().await.into_result().unwrap_err();

    for (wraps, told) in [(false, String::new()), (true, "no tokens: ".to_owned())] {
        let outer = outcome_of(registry! { "outer" => Wraps(error.clone(), wraps) }).await;
        let expected = format!("service `outer` failed in startup: {told}{sentence}");
        assert_eq!(outer.failures()[0].to_string(), expected, "each cause once");
        assert_eq!(outer.to_string().matches("disk full").count(), 1, "{outer}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_without_an_error_has_no_source() {
    let journal = Journal::new();
    let outcome = outcome_of(registry! {
        "a" => journal.script().run(panics("no")).worker(),
        "b" => journal.script().run(nothing()).worker(),
    })
    .await;
    assert!(
        outcome
            .failures()
            .iter()
            .all(|error| error.source().is_none())
    );
}

#[tokio::test(start_paused = true)]
async fn services_are_told_in_registry_order_with_their_shapes() {
    let journal = Journal::new();
    let outcome = outcome_of(registry! {
        "c" => journal.script().worker(), after = ["a"],
        "b" => journal.script().oneshot(), after = ["c"],
        "a" => journal.script().idle(),
        "d" => journal.script().scheduled(secs(7)),
        "e" => journal.script().custom(),
    })
    .await;
    let told: Vec<_> = outcome
        .services()
        .iter()
        .map(|status| (status.name.as_str(), status.shape, status.state))
        .collect();
    assert_eq!(
        told,
        [
            ("c", Shape::Worker, State::Stopped),
            ("b", Shape::Oneshot, State::Stopped),
            ("a", Shape::Idle, State::Stopped),
            ("d", Shape::Scheduled, State::Stopped),
            ("e", Shape::Custom, State::Stopped),
        ]
    );
    assert_eq!(outcome.services()[3].ticks.as_ref().unwrap().count, 8);
}

#[tokio::test(start_paused = true)]
async fn a_oneshot_that_never_ran_is_not_healthy() {
    let journal = Journal::new();
    let running = start(registry! {
        "store" => journal.script().startup(takes(secs(60))).idle(),
        "migration" => journal.script().oneshot(), after = ["store"],
    });
    sleep(secs(1)).await;
    let outcome = running.stop().await;
    assert_eq!(journal.of("migration"), [""; 0]);
    assert!(
        !outcome.services()[1].is_healthy(),
        "{:?}",
        outcome.services()[1]
    );
}

#[tokio::test(start_paused = true)]
async fn the_time_of_the_stop_counts_from_the_request() {
    let journal = Journal::new();
    let running = start(registry! { "a" => journal.script().drain(takes(secs(2))).idle(), });
    running.await_healthy().await.unwrap();
    running.handle().shutdown();
    sleep(secs(3)).await;
    assert_eq!(running.stop().await.took(), Some(secs(5)));
}

#[derive(Debug)]
struct DiskError {
    code: i32,
}

impl fmt::Display for DiskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "disk error {}", self.code)
    }
}

impl Error for DiskError {}

#[derive(Debug)]
struct FlushError(DiskError);

impl fmt::Display for FlushError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cannot flush")
    }
}

impl Error for FlushError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

struct Store;

#[async_trait]
impl Service for Store {
    async fn start(&self, cx: &Context) -> Result {
        cx.ready();
        cx.stop_channel().closed().await;
        Ok(())
    }

    async fn stop(&self, _: &Context) -> Result {
        Err(FlushError(DiskError { code: 5 }))?
    }
}

#[tokio::test(start_paused = true)]
async fn the_error_of_a_hook_keeps_its_type_and_its_sources() {
    let outcome = outcome_of(registry! { "store" => Store, }).await;
    let error = &outcome.failures()[0];
    assert_eq!(
        error.to_string(),
        "service `store` failed in drain: cannot flush: disk error 5"
    );
    assert!(matches!(error.fault(), Fault::Error(_)));
    let cause = error.cause().unwrap().downcast_ref::<FlushError>().unwrap();
    assert_eq!(cause.0.code, 5);
}

#[tokio::test(start_paused = true)]
async fn a_failure_told_as_the_reason_is_the_one_in_failures() {
    let journal = Journal::new();
    let outcome = outcome_of(registry! {
        "a" => journal.script().run(takes(secs(1)).then(fails("no"))).worker(),
        "b" => journal.script().run(until_stopped()).worker(),
    })
    .await;
    let Reason::Failure(error) = outcome.reason() else {
        panic!("{outcome}");
    };
    assert_eq!(error.to_string(), outcome.failures()[0].to_string());
    assert_eq!(
        outcome.to_string().matches("service `a`").count(),
        1,
        "and told once: {outcome}"
    );
}
