//! Oneshots in the background: rules 5, 14 and 20.
//!
//! The kind of fault this is about: a job that the application can begin without was a task that nobody owned, or a
//! oneshot that the whole start waited for; and at the stop it was waited for again, or blamed. To it belong its success,
//! its failure and its panic, the stop in the midst of it, what it has spawned and holds, policies, and decorators.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use lifecycle::{
    Context, Oneshot, Reason, Result, Service, Shape, State, async_trait, registry, service,
};
use lifecycle_tests::{Alive, Journal, Moves, millis, secs, start, state_of, states, takes};
use tokio::time::sleep;

/// What a job does at its end.
#[derive(Clone, Copy)]
enum Ends {
    Well,
    Failing,
    Panicking,
    Never,
}

#[service(oneshot(background))]
struct Job {
    journal: Journal,
    takes: Duration,
    ends: Ends,
    alive: Arc<AtomicUsize>,
}

impl Oneshot for Job {
    async fn run(&self, cx: &Context) -> Result {
        let _alive = Alive::new(&self.alive);
        let task = Alive::new(&self.alive);
        self.journal.note("run");
        if let Ends::Never = self.ends {
            cx.spawn(async move {
                let _alive = task;
                std::future::pending::<Result>().await
            });
        }
        sleep(self.takes).await;
        self.journal.note("done");
        match self.ends {
            Ends::Well => Ok(()),
            Ends::Failing => Err("no rows")?,
            Ends::Panicking => panic!("no rows"),
            Ends::Never => std::future::pending().await,
        }
    }
}

fn job(journal: &Journal, takes: u64, ends: Ends) -> Job {
    Job {
        journal: journal.clone(),
        takes: secs(takes),
        ends,
        alive: Arc::default(),
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_waits_for_it_and_it_is_stopped_when_it_has_succeeded() {
    let journal = Journal::new();
    let running = start(registry! {
        "warm" => job(&journal, 5, Ends::Well),
        "api" => journal.script().idle(), after = ["warm"],
    });
    let moves = Moves::watch(&running.handle());
    running.await_healthy().await.unwrap();
    let handle = running.handle();
    assert_eq!(journal.now(), secs(0));
    assert_eq!(states(&handle), ["warm: running", "api: running"]);
    sleep(secs(6)).await;
    assert_eq!(states(&handle), ["warm: stopped", "api: running"]);
    let warm = &handle.states()[0];
    assert!(warm.succeeded && warm.is_healthy() && warm.shape == Shape::Oneshot);
    assert!(handle.is_healthy(), "it is still well without it");
    running.stop().await.into_result().unwrap();
    let seen = moves.of("warm").await;
    assert_eq!(
        seen,
        [
            State::Waiting,
            State::Starting,
            State::Running,
            State::Stopped
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn the_stop_drops_it_at_once_with_all_that_it_has_spawned_and_blames_nobody() {
    for ends in [Ends::Well, Ends::Never] {
        let journal = Journal::new();
        let warm = job(&journal, 3600, ends);
        let alive = warm.alive.clone();
        let running = start(registry! {
            "warm" => warm,
            "api" => journal.script().idle(),
        });
        running.await_healthy().await.unwrap();
        sleep(secs(1)).await;
        assert!(alive.load(Ordering::Acquire) > 0);
        let outcome = running.stop().await;
        assert_eq!(journal.now(), secs(1), "no wait");
        assert_eq!(alive.load(Ordering::Acquire), 0, "nothing is left");
        assert_eq!(outcome.exit_code(), 0, "{outcome}");
        assert!(outcome.laggards().is_empty() && outcome.failures().is_empty());
        let warm = &outcome.services()[0];
        assert_eq!(warm.state, State::Stopped);
        assert!(!warm.succeeded && warm.error.is_none());
        assert_eq!(journal.count("done"), 0);
    }
}

/// Returns at once, and leaves the work to a task.
#[service(oneshot(background))]
struct HandsOver(Arc<AtomicUsize>);

impl Oneshot for HandsOver {
    async fn run(&self, cx: &Context) -> Result {
        let alive = Alive::new(&self.0);
        cx.spawn(async move {
            let _alive = alive;
            sleep(secs(60)).await;
            Ok(())
        });
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_task_that_goes_on_after_its_run_is_dropped_in_the_same_way() {
    for stops_at in [5, 90] {
        let (alive, journal) = (Arc::default(), Journal::new());
        let running = start(registry! {
            "warm" => HandsOver(Arc::clone(&alive)),
            "api" => journal.script().idle(),
        });
        running.await_healthy().await.unwrap();
        assert_eq!(states(&running.handle())[0], "warm: running");
        sleep(secs(stops_at)).await;
        let is_done = stops_at > 60;
        let outcome = running.stop().await;
        assert_eq!(journal.now(), secs(stops_at), "no wait");
        assert_eq!(alive.load(Ordering::Acquire), 0, "nothing is left");
        assert!(outcome.laggards().is_empty(), "{outcome}");
        assert_eq!(outcome.exit_code(), 0);
        let warm = &outcome.services()[0];
        assert_eq!(warm.state, State::Stopped);
        assert_eq!(warm.succeeded, is_done);
    }
}

/// Readiness is not true again while the application stops.
#[tokio::test(start_paused = true)]
async fn one_that_was_dropped_does_not_count_as_up() {
    let journal = Journal::new();
    let running = start(registry! {
        "warm" => job(&journal, 3600, Ends::Well),
        "store" => journal.script().drain(takes(secs(2))).idle(),
    });
    running.await_healthy().await.unwrap();
    let handle = running.handle();
    let stopping = tokio::spawn(running.stop());
    sleep(secs(1)).await;
    assert_eq!(states(&handle), ["warm: stopped", "store: stopping"]);
    assert!(!handle.is_healthy());
    assert!(handle.await_healthy().await.is_err());
    assert_eq!(stopping.await.unwrap().exit_code(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_the_services_and_stops_the_application() {
    for (ends, told) in [
        (Ends::Failing, "service `warm` failed in run: no rows"),
        (Ends::Panicking, "service `warm` panicked in run: no rows"),
    ] {
        let journal = Journal::new();
        let running = start(registry! {
            "warm" => job(&journal, 2, ends),
            "api" => journal.script().idle(), after = ["warm"],
        });
        running.await_healthy().await.unwrap();
        let reason = running.wait().await;
        assert!(matches!(&reason, Reason::Failure(error) if error.to_string() == told));
        assert_eq!(journal.now(), secs(2));
        assert_eq!(running.stop().await.exit_code(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn under_ignore_its_failure_is_listed_and_the_others_go_on() {
    let journal = Journal::new();
    let running = start(registry! {
        "warm" => job(&journal, 2, Ends::Failing), on_failure = ignore,
        "api" => journal.script().idle(), after = ["warm"],
    });
    sleep(secs(5)).await;
    assert_eq!(states(&running.handle()), ["warm: failed", "api: running"]);
    let outcome = running.stop().await;
    assert_eq!(outcome.exit_code(), 0);
    assert_eq!(outcome.failures().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_all_jobs_is_the_end_of_the_application() {
    let journal = Journal::new();
    let running = start(registry! {
        "warm" => job(&journal, 3, Ends::Well),
        "seed" => journal.script().run(takes(secs(1))).oneshot(),
    });
    assert!(matches!(running.wait().await, Reason::Finished));
    assert_eq!(journal.now(), secs(3));
    running.await_healthy().await.unwrap();
    assert_eq!(running.stop().await.exit_code(), 0);
}

/// It is dropped in its turn: what depends on it has stopped before.
#[tokio::test(start_paused = true)]
async fn it_goes_on_until_its_turn_in_the_stop() {
    let journal = Journal::new();
    let running = start(registry! {
        "warm" => job(&journal, 3, Ends::Well),
        "api" => journal.script().drain(takes(secs(5))).idle(), after = ["warm"],
    });
    running.await_healthy().await.unwrap();
    let outcome = running.stop().await;
    assert_eq!(journal.count("done"), 1, "it ended before its turn");
    assert!(outcome.services()[0].succeeded);
    assert_eq!(outcome.exit_code(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_start_timeout_does_not_bound_it() {
    let journal = Journal::new();
    let running = start(registry! {
        "warm" => job(&journal, 9, Ends::Well), start_timeout = "1s",
    });
    assert!(matches!(running.wait().await, Reason::Finished));
    assert_eq!(running.stop().await.exit_code(), 0);
}

/// Hides what is within until the start.
struct Decorated<S>(S);

#[async_trait]
impl<S: Service> Service for Decorated<S> {
    async fn start(&self, cx: &Context) -> Result {
        self.0.start(cx).await
    }

    async fn stop(&self, cx: &Context) -> Result {
        self.0.stop(cx).await
    }
}

#[tokio::test(start_paused = true)]
async fn it_may_be_decorated_held_and_left_out() {
    let journal = Journal::new();
    let running = start(registry! {
        "decorated" => Decorated(job(&journal, 5, Ends::Well)),
        "held" => Arc::new(Some(job(&journal, 5, Ends::Well))),
        "none" => None::<Job>,
        "api" => journal.script().idle(), after = ["decorated", "held"],
    });
    running.await_healthy().await.unwrap();
    assert_eq!(journal.now(), secs(0));
    assert_eq!(state_of(&running.handle(), "decorated"), State::Running);
    sleep(secs(5) + millis(1)).await;
    assert_eq!(
        states(&running.handle()),
        [
            "decorated: stopped",
            "held: stopped",
            "none: disabled",
            "api: running"
        ]
    );
    running.stop().await.into_result().unwrap();
}

/// Leaves work to a task that none waits for, and goes wrong.
#[service(oneshot(background))]
struct GoesWrong {
    alive: Arc<AtomicUsize>,
    panics: bool,
}

impl Oneshot for GoesWrong {
    async fn run(&self, cx: &Context) -> Result {
        let alive = Alive::new(&self.alive);
        cx.spawn(async move {
            let _alive = alive;
            std::future::pending::<Result>().await
        });
        sleep(secs(1)).await;
        assert!(!self.panics, "no rows");
        Err("no rows")?
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_job_that_fails_or_panics_has_spawned_is_dropped_at_once_and_is_not_late() {
    for panics in [false, true] {
        let (alive, journal) = (Arc::default(), Journal::new());
        let warm = GoesWrong {
            alive: Arc::clone(&alive),
            panics,
        };
        let running = start(registry! {
            "warm" => warm, on_failure = ignore,
            "api" => journal.script().idle(),
        });
        sleep(secs(2)).await;
        assert_eq!(alive.load(Ordering::Acquire), 0, "nothing is left");
        let outcome = running.stop().await;
        assert_eq!(journal.now(), secs(2), "no wait");
        assert!(outcome.laggards().is_empty(), "{outcome}");
        assert_eq!(outcome.failures().len(), 1, "{outcome}");
    }
}
