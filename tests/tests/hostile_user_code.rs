//! User code at its worst: destructors that panic, expressions that panic, limits of zero.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use lifecycle::{Context, Idle, Result, Scheduled, State, Worker, registry, service};
use lifecycle_tests::{Journal, Log, Moves, hangs, secs, start, takes};
use tokio::time::sleep;

/// Notes its end, and may panic at it.
struct Guard {
    journal: Journal,
    name: &'static str,
    panics: bool,
}

impl Guard {
    fn new(journal: &Journal, name: &'static str) -> Self {
        let journal = journal.clone();
        let panics = false;
        Self {
            journal,
            name,
            panics,
        }
    }

    fn panicking(journal: &Journal, name: &'static str) -> Self {
        let mut guard = Self::new(journal, name);
        guard.panics = true;
        guard
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.journal.note(format!("{}: gone", self.name));
        assert!(!self.panics, "in a destructor");
    }
}

/// Holds something with a destructor.
#[service(idle)]
struct Holder(Guard);

impl Idle for Holder {
    async fn drain(&self, _: &Context) -> Result {
        self.0.journal.note(format!("{}: drain", self.0.name));
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_is_gone_before_its_dependencies_drain() {
    let journal = Journal::new();
    let running = start(registry! {
        "store" => Holder(Guard::new(&journal, "store")),
        "api" => Holder(Guard::new(&journal, "api")), after = ["store"],
    });
    running.await_healthy().await.unwrap();
    running.stop().await.into_result().unwrap();
    assert_eq!(
        journal.all(),
        ["api: drain", "api: gone", "store: drain", "store: gone"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_destructor_that_panics_is_its_services_failure_and_the_others_drain() {
    let journal = Journal::new();
    let running = start(registry! {
        "store" => Holder(Guard::new(&journal, "store")),
        "api" => Holder(Guard::panicking(&journal, "api")), after = ["store"],
        "unborn" => Holder(Guard::panicking(&journal, "unborn")), after = ["slow"],
        "slow" => journal.script().startup(hangs()).idle(),
    });
    sleep(secs(1)).await;
    let outcome = running.stop().await;
    assert_eq!(outcome.failures().len(), 1);
    assert_eq!(
        outcome.failures()[0].to_string(),
        "service `api` panicked in drain: in a destructor"
    );
    assert_eq!(outcome.services()[0].state, State::Stopped);
    assert_eq!(journal.count("store: drain"), 1);
}

/// Its `run` never ends, and panics when it is dropped.
#[service(worker)]
struct Clingy(Journal);

impl Worker for Clingy {
    async fn run(&self, cx: &Context) -> Result {
        let _guard = Guard::panicking(&self.0, "run");
        cx.spawn({
            let task = Guard::panicking(&self.0, "task");
            async move {
                let _task = task;
                std::future::pending().await
            }
        });
        std::future::pending().await
    }

    async fn drain(&self, _: &Context) -> Result {
        self.0.note("drain");
        let _guard = Guard::panicking(&self.0, "drain");
        std::future::pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn hooks_that_panic_when_they_are_dropped_are_dropped_all_the_same() {
    let journal = Journal::new();
    let running = start(registry! {
        "store" => Holder(Guard::new(&journal, "store")),
        "clingy" => Clingy(journal.clone()), after = ["store"], stop_timeout = "4s",
    });
    running.await_healthy().await.unwrap();
    let outcome = running.stop().await;
    assert_eq!(journal.at("run: gone"), secs(3));
    assert_eq!(journal.at("drain"), secs(3));
    assert_eq!(journal.at("drain: gone"), secs(4));
    assert_eq!(journal.at("store: drain"), secs(4));
    let told = outcome
        .failures()
        .iter()
        .filter(|error| error.to_string().contains("in a destructor"));
    assert_eq!(told.count(), 3, "{outcome}");
}

#[tokio::test(start_paused = true)]
async fn a_stop_on_that_panics_when_it_is_dropped_is_a_failure_and_the_drains_run() {
    for resolves in [true, false] {
        let journal = Journal::new();
        let guard = Guard::panicking(&journal, "token");
        let token = async move {
            let _guard = guard;
            if resolves {
                sleep(secs(2)).await;
            } else {
                std::future::pending::<()>().await;
            }
        };
        let registry = registry! { "a" => journal.script().drain(takes(secs(1))).idle() };
        let running = start(registry.stop_on(token));
        running.await_healthy().await.unwrap();
        let moves = Moves::watch(&running.handle());
        sleep(secs(3)).await;
        let outcome = running.stop().await;
        assert_eq!(outcome.exit_code(), 1, "{outcome}");
        assert_eq!(journal.count("a: drain done"), 1);
        assert_eq!(moves.of("a").await, [State::Stopping, State::Stopped]);
    }
}

#[service(scheduled(interval = self.interval()))]
struct Misconfigured {
    key: &'static str,
}

impl Misconfigured {
    fn interval(&self) -> Duration {
        panic!("no such key: {}", self.key)
    }
}

impl Scheduled for Misconfigured {
    async fn tick(&self, _: &Context) -> Result {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn an_interval_that_panics_is_the_services_failure() {
    let journal = Journal::new();
    let running = start(registry! {
        "gc" => Misconfigured { key: "gc.interval" },
        "a" => journal.script().idle(),
    });
    assert_eq!(
        running.await_healthy().await.unwrap_err().to_string(),
        "service `gc` panicked in startup: no such key: gc.interval"
    );
    running.stop().await.into_result().unwrap_err();
    assert_eq!(journal.count("a: drain"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_of_zero_still_drains_what_need_not_wait() {
    let journal = Journal::new();
    let running = start(registry! {
        deadline = Duration::ZERO,
        "a" => journal.script().worker(),
        "b" => journal.script().run(hangs()).drain(takes(secs(1))).worker(), after = ["a"],
    });
    running.await_healthy().await.unwrap();
    let outcome = running.stop().await;
    assert_eq!(journal.now(), secs(0));
    assert_eq!(
        journal.of("b")[3..],
        ["run dropped", "drain", "drain dropped"]
    );
    assert_eq!(journal.of("a")[3..], ["run done", "drain", "drain done"]);
    assert_eq!(outcome.laggards().len(), 2);
}

#[derive(Debug)]
struct Unspeakable;

impl fmt::Display for Unspeakable {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("no words")
    }
}

impl std::error::Error for Unspeakable {}

#[service(worker)]
struct Mute;

impl Worker for Mute {
    async fn run(&self, _: &Context) -> Result {
        Err(Unspeakable)?
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_that_cannot_be_shown_does_not_keep_the_others_from_stopping() {
    let _log = Log::open();
    let journal = Journal::new();
    let running = start(registry! {
        "mute" => Mute,
        "a" => journal.script().drain(takes(secs(1))).idle(),
    });
    let waited = tokio::time::timeout(secs(60), running.wait()).await;
    assert!(waited.is_ok());
    let outcome = running.stop().await;
    assert_eq!(journal.count("a: drain done"), 1);
    assert_eq!(outcome.exit_code(), 1);
}

/// Wraps a service that has no hooks. Its own are plain functions, and pass on what the other's return.
#[service(idle)]
struct Wrapper {
    journal: Journal,
    inner: Bare,
}

#[service(idle)]
struct Bare;

impl Idle for Bare {}

impl Idle for Wrapper {
    fn startup(&self, cx: &Context) -> impl Future<Output = Result> + Send {
        self.journal.note("startup");
        self.inner.startup(cx)
    }

    fn drain(&self, cx: &Context) -> impl Future<Output = Result> + Send {
        self.journal.note("drain");
        self.inner.drain(cx)
    }
}

#[tokio::test(start_paused = true)]
async fn a_hook_that_passes_on_the_default_of_another_is_called() {
    let journal = Journal::new();
    let wrapper = Wrapper {
        journal: journal.clone(),
        inner: Bare,
    };
    let running = start(registry! { "wrapper" => wrapper });
    running.await_healthy().await.unwrap();
    assert_eq!(journal.all(), ["startup"]);
    running.stop().await.into_result().unwrap();
    assert_eq!(journal.all(), ["startup", "drain"]);
}
