//! A startup that is tried again: how long it waits, and what ends it.

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use lifecycle::__private::{Declared, IdleService, IdleShape, Retry};
use lifecycle::{Context, Fault, HealthError, Idle, Reason, Result, State, registry};
use lifecycle_tests::{
    Hook, Journal, Log, awaits_healthy, degrades, fails, hangs, millis, nothing, panics, paused,
    secs, start, state_of, takes,
};

/// An idle service that is tried again, from 100 ms up to a second.
#[derive(Debug)]
struct Patient {
    journal: Journal,
    /// What each attempt does; the last is repeated.
    attempts: Vec<Hook>,
    made: AtomicU32,
}

impl Declared for Patient {
    type Shape = IdleShape;

    const RETRY: Option<Retry> = Some(Retry::new(millis(100), millis(1000)));
}

impl IdleService for Patient {}

impl Idle for Patient {
    async fn startup(&self, cx: &Context) -> Result {
        let attempt = self.made.fetch_add(1, Ordering::Relaxed) as usize;
        let hook = &self.attempts[attempt.min(self.attempts.len() - 1)];
        hook.perform("startup", cx, &self.journal).await
    }

    async fn drain(&self, cx: &Context) -> Result {
        nothing().perform("drain", cx, &self.journal).await
    }
}

fn patient(journal: &Journal, attempts: &[Hook]) -> Patient {
    Patient {
        journal: journal.clone(),
        attempts: attempts.to_vec(),
        made: AtomicU32::new(0),
    }
}

/// When each attempt of `store` began.
fn attempts(journal: &Journal) -> Vec<Duration> {
    let entries = journal.entries().into_iter();
    entries
        .filter(|entry| entry.what == "store: startup" && entry.end.is_none())
        .map(|entry| entry.at)
        .collect()
}

#[test]
fn the_waits_double_up_to_the_limit_less_at_most_a_half() {
    let _log = Log::open();
    let mut waits = vec![Vec::new(); 7];
    for seed in 0..100 {
        paused(async {
            fastrand::seed(seed);
            let journal = Journal::new();
            let mut hooks = vec![takes(millis(30)).then(fails("no")); 7];
            hooks.push(nothing());
            let running = start(registry! { "store" => patient(&journal, &hooks) });
            running.await_healthy().await.unwrap();
            let attempts = attempts(&journal);
            assert_eq!(attempts.len(), 8);
            for (number, pair) in attempts.windows(2).enumerate() {
                let wait = pair[1].checked_sub(pair[0] + millis(30));
                waits[number].push(wait.unwrap());
            }
            running.stop().await.into_result().unwrap();
            assert_eq!(journal.count("store: drain"), 1);
        });
    }
    for (waits, full) in waits.iter().zip([100, 200, 400, 800, 1000, 1000, 1000]) {
        let (least, most) = (waits.iter().min().unwrap(), waits.iter().max().unwrap());
        let full = millis(full);
        assert!(full / 2 <= *least && *most <= full, "{least:?} to {most:?}");
        let tenth = full / 10;
        assert!(
            *least < full / 2 + tenth && full < *most + tenth,
            "the whole of the range: {least:?} to {most:?} of {full:?}"
        );
    }
}

#[test]
fn dependents_wait_and_nothing_shows_as_running_meanwhile() {
    let log = Log::open();
    paused(async {
        let journal = Journal::new();
        let hooks = [fails("no route"), fails("no route"), takes(millis(10))];
        let running = start(registry! {
            "store" => patient(&journal, &hooks),
            "api" => journal.script().idle(), after = ["store"],
        });
        let handle = running.handle();
        tokio::time::sleep(millis(20)).await;
        assert_eq!(state_of(&handle, "store"), State::Starting);
        assert_eq!(state_of(&handle, "api"), State::Waiting);
        assert!(!handle.is_healthy());
        running.await_healthy().await.unwrap();
        journal.assert_order(&["store: startup done", "api: startup"]);
        assert_eq!(journal.count("store: startup failed"), 2);
        running.stop().await.into_result().unwrap();
    });
    let first = log.place(&["WARN", "startup failed", "store", "no route", "failures=1"]);
    let second = log.place(&["WARN", "startup failed", "store", "no route", "failures=2"]);
    assert!(first < second);
}

#[test]
fn a_stop_interrupts_the_wait_at_once_and_drains_nothing() {
    let _log = Log::open();
    for at in [0, 1, 49, 50, 75, 100, 333, 1500, 5000] {
        paused(async {
            let journal = Journal::new();
            let hooks = [fails("no")];
            let running = start(registry! {
                "store" => patient(&journal, &hooks),
                "api" => journal.script().idle(), after = ["store"],
            });
            tokio::time::sleep(millis(at)).await;
            let outcome = running.stop().await;
            assert_eq!(journal.now(), millis(at), "at once");
            let made = attempts(&journal).len();
            tokio::time::sleep(secs(60)).await;
            assert_eq!(attempts(&journal).len(), made, "no attempt after it");
            assert_eq!(journal.count("store: drain"), 0);
            assert_eq!(journal.of("api"), [""; 0]);
            assert_eq!(outcome.services()[0].state, State::Stopped);
            assert!(matches!(outcome.reason(), Reason::Requested));
            outcome.into_result().unwrap();
        });
    }
}

#[test]
fn a_stop_drops_an_attempt_in_flight() {
    let _log = Log::open();
    paused(async {
        let journal = Journal::new();
        let hooks = [fails("no"), hangs()];
        let running = start(registry! { "store" => patient(&journal, &hooks) });
        tokio::time::sleep(secs(5)).await;
        assert_eq!(attempts(&journal).len(), 2);
        running.stop().await.into_result().unwrap();
        assert_eq!(journal.now(), secs(5));
        assert_eq!(journal.count("store: startup dropped"), 1);
        assert_eq!(journal.count("store: drain"), 0);
    });
}

#[test]
fn the_start_timeout_holds_for_all_attempts_together() {
    let _log = Log::open();
    for hook in [fails("no"), hangs(), takes(millis(300)).then(fails("no"))] {
        paused(async {
            let journal = Journal::new();
            let running = start(registry! {
                "store" => patient(&journal, &[fails("no"), hook]), start_timeout = "2s",
            });
            let reason = running.wait().await;
            assert_eq!(journal.now(), secs(2));
            let Reason::Failure(error) = reason else {
                panic!("{reason}");
            };
            assert!(matches!(error.fault(), Fault::StartTimeout(limit) if *limit == secs(2)));
            let _ = running.stop().await;
            let made = attempts(&journal).len();
            tokio::time::sleep(secs(60)).await;
            assert_eq!(attempts(&journal).len(), made);
            assert_eq!(journal.count("store: drain"), 0);
        });
    }
}

/// An error with a cause of its own.
#[derive(Debug)]
struct NoRoute(std::io::Error);

impl fmt::Display for NoRoute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no route")
    }
}

impl std::error::Error for NoRoute {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

/// Never starts up: each attempt fails with the cause of a cause.
#[derive(Debug)]
struct Lost;

impl Declared for Lost {
    type Shape = IdleShape;

    const RETRY: Option<Retry> = Some(Retry::new(millis(100), millis(1000)));
}

impl IdleService for Lost {}

impl Idle for Lost {
    async fn startup(&self, _: &Context) -> Result {
        Err(NoRoute(std::io::Error::other("connection refused")).into())
    }
}

/// The start timeout used to hide why: neither the error nor the state knew what the attempts had said.
/// Of the kind are one attempt and many, a cause with a cause, an attempt that hangs behind one that
/// failed, and an attempt that hangs where none has failed.
#[test]
fn the_start_timeout_tells_the_last_error_and_how_many_attempts_there_were() {
    let _log = Log::open();
    paused(async {
        let running = start(registry! { "store" => Lost, start_timeout = "20s" });
        let error = running.await_healthy().await.unwrap_err();
        let HealthError::Service(error) = error else {
            panic!("{error}");
        };
        let attempts = error.attempts();
        assert!((20..=60).contains(&attempts), "{attempts}");
        let expected = format!(
            "service `store` was not ready within 20s (`start_timeout`): \
             {attempts} attempts of `startup` failed, the last: no route: connection refused"
        );
        assert_eq!(error.to_string(), expected);
        let cause = error.cause().unwrap().downcast_ref::<NoRoute>().unwrap();
        assert_eq!(cause.0.to_string(), "connection refused");
        let source = std::error::Error::source(&error).unwrap();
        assert_eq!(source.to_string(), "no route");
        let outcome = running.stop().await;
        assert!(outcome.to_string().contains(&expected), "{outcome}");
        assert_eq!(outcome.failures().len(), 1, "{outcome}");
    });
}

#[test]
fn an_attempt_that_hangs_does_not_hide_the_one_that_failed() {
    let _log = Log::open();
    for (hooks, attempts, why) in [
        (
            vec![fails("no route"), hangs()],
            1,
            "1 attempt of `startup` failed: no route",
        ),
        (vec![hangs()], 0, "its `startup` has not returned"),
        (
            vec![fails(""), hangs()],
            1,
            "1 attempt of `startup` failed: no message",
        ),
    ] {
        paused(async {
            let journal = Journal::new();
            let running = start(registry! {
                "store" => patient(&journal, &hooks), start_timeout = "2s",
            });
            let Reason::Failure(error) = running.wait().await else {
                panic!("no failure");
            };
            assert!(error.to_string().ends_with(why), "{error}");
            assert_eq!(error.attempts(), attempts);
            assert_eq!(error.cause().is_some(), attempts > 0);
        });
    }
}

#[test]
fn a_service_is_degraded_while_its_startup_fails() {
    let _log = Log::open();
    paused(async {
        let journal = Journal::new();
        let hooks = [fails("no route"), fails("no route"), takes(secs(5))];
        let running = start(registry! { "store" => patient(&journal, &hooks) });
        let degraded = || running.handle().states()[0].degraded.clone();
        assert_eq!(degraded(), None);
        tokio::time::sleep(millis(1)).await;
        let first = "1 attempt of `startup` failed: no route";
        assert_eq!(degraded().as_deref(), Some(first));
        tokio::time::sleep(secs(1)).await;
        let second = "2 attempts of `startup` failed, the last: no route";
        assert_eq!(degraded().as_deref(), Some(second), "while one is tried");
        running.await_healthy().await.unwrap();
        assert_eq!(degraded(), None, "it is up");
        running.stop().await.into_result().unwrap();
    });
}

#[test]
fn what_a_service_says_itself_comes_before_what_its_startup_fails_with() {
    let _log = Log::open();
    paused(async {
        let journal = Journal::new();
        let hooks = [degrades("the broker is away").then(fails("no route"))];
        let running = start(registry! { "store" => patient(&journal, &hooks) });
        tokio::time::sleep(millis(1)).await;
        let degraded = running.handle().states()[0].degraded.clone();
        assert_eq!(degraded.as_deref(), Some("the broker is away"));
        let outcome = running.stop().await;
        outcome.into_result().unwrap();
    });
}

#[test]
fn a_panic_is_not_tried_again() {
    let _log = Log::open();
    paused(async {
        let journal = Journal::new();
        let hooks = [fails("no"), panics("as scripted"), nothing()];
        let running = start(registry! { "store" => patient(&journal, &hooks) });
        let reason = running.wait().await;
        let Reason::Failure(error) = reason else {
            panic!("{reason}");
        };
        assert!(matches!(error.fault(), Fault::Panic(message) if message == "as scripted"));
        assert_eq!(attempts(&journal).len(), 2);
    });
}

#[test]
fn without_it_the_first_failure_is_the_end() {
    let _log = Log::open();
    paused(async {
        let journal = Journal::new();
        let script = journal.script().startup(fails("no"));
        let running = start(registry! { "store" => script.idle() });
        running.await_healthy().await.unwrap_err();
        assert_eq!(attempts(&journal).len(), 1);
    });
}

#[tokio::test(start_paused = true)]
async fn a_startup_that_tells_of_the_stop_is_not_tried_again() {
    let journal = Journal::new();
    let running = start(registry! {
        shutdown_delay = secs(5),
        "store" => patient(&journal, &[awaits_healthy()]), start_timeout = secs(4),
        "never" => journal.script().startup(hangs()).idle(),
    });
    tokio::time::sleep(secs(3)).await;
    running.handle().shutdown();
    running.stop().await.into_result().unwrap();
    assert_eq!(journal.of("store"), ["startup", "startup failed"]);
}
