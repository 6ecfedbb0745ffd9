//! Panics whose payload panics again when it is dropped, and errors that do: what the library lets go of is user code as well.

use std::error::Error;
use std::fmt;
use std::panic::panic_any;

use lifecycle::{Context, Result, Worker, registry, service};
use lifecycle_tests::{Journal, Log, hangs, secs, start};
use tokio::time::{sleep, timeout};

/// What a hook panics with. Whoever drops it panics.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("in a destructor");
    }
}

/// Where the bomb is thrown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Startup,
    Run,
    Task,
    Drain,
    Destructor,
}

#[service(worker)]
struct Thrower(At);

impl Thrower {
    fn throw_at(&self, here: At) {
        if self.0 == here {
            panic_any(Bomb);
        }
    }
}

impl Worker for Thrower {
    async fn startup(&self, _: &Context) -> Result {
        self.throw_at(At::Startup);
        Ok(())
    }

    async fn run(&self, cx: &Context) -> Result {
        self.throw_at(At::Run);
        if self.0 == At::Task {
            cx.spawn(async { panic_any(Bomb) });
        }
        cx.stop_channel().closed().await;
        Ok(())
    }

    async fn drain(&self, _: &Context) -> Result {
        self.throw_at(At::Drain);
        Ok(())
    }
}

impl Drop for Thrower {
    fn drop(&mut self) {
        self.throw_at(At::Destructor);
    }
}

#[tokio::test(start_paused = true)]
async fn a_payload_that_panics_is_its_services_failure_and_the_others_drain() {
    let phases = [
        (At::Startup, "startup"),
        (At::Run, "run"),
        (At::Task, "task"),
        (At::Drain, "drain"),
        (At::Destructor, "drain"),
    ];
    for (at, phase) in phases {
        let journal = Journal::new();
        let running = start(registry! {
            "store" => journal.script().idle(),
            "thrower" => Thrower(at), after = ["store"],
        });
        let fails_by_itself = !matches!(at, At::Drain | At::Destructor);
        let waited = timeout(secs(5), running.wait()).await;
        assert_eq!(waited.is_ok(), fails_by_itself, "{at:?}");
        let outcome = running.stop().await;
        assert_eq!(
            outcome.failures()[0].to_string(),
            format!("service `thrower` panicked in {phase}: a value that is not text")
        );
        assert_eq!(outcome.failures().len(), 1, "{outcome}");
        assert!(outcome.laggards().is_empty(), "{outcome}");
        assert_eq!(journal.count("store: drain done"), 1, "{at:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_payload_that_panics_in_a_service_that_never_started_harms_nobody() {
    let journal = Journal::new();
    let running = start(registry! {
        "store" => journal.script().idle(),
        "slow" => journal.script().startup(hangs()).idle(),
        "thrower" => Thrower(At::Destructor), after = ["slow"],
    });
    sleep(secs(1)).await;
    running.stop().await.into_result().unwrap();
    assert_eq!(journal.count("store: drain done"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_payload_that_panics_in_stop_on_is_its_panic_and_nothing_more() {
    let journal = Journal::new();
    let token = async {
        sleep(secs(1)).await;
        panic_any(Bomb);
    };
    let running = start(registry! { "store" => journal.script().idle() }.stop_on(token));
    let reason = timeout(secs(5), running.wait()).await.unwrap();
    let told = "the future of `stop_on` panicked: a value that is not text";
    assert_eq!(reason.to_string(), told);
    assert_eq!(running.stop().await.exit_code(), 1);
    assert_eq!(journal.count("store: drain done"), 1);
}

/// An error, and what is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bad {
    Source,
    OwnSource,
    Destructor,
}

impl fmt::Display for Bad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bad")
    }
}

impl Error for Bad {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Source => panic!("no source"),
            Self::OwnSource => Some(self),
            Self::Destructor => None,
        }
    }
}

#[derive(Debug)]
struct Wrapped(Bad);

impl fmt::Display for Wrapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cannot go on")
    }
}

impl Error for Wrapped {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

impl Drop for Wrapped {
    fn drop(&mut self) {
        assert_ne!(self.0, Bad::Destructor, "in a destructor");
    }
}

#[service(worker)]
struct Fails(Bad);

impl Worker for Fails {
    async fn run(&self, _: &Context) -> Result {
        Err(Wrapped(self.0))?
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_with_a_bad_source_or_destructor_is_told_as_far_as_it_goes() {
    // Somebody reads the log: what is not read is not formatted.
    let _log = Log::open();
    for bad in [Bad::Source, Bad::OwnSource, Bad::Destructor] {
        let journal = Journal::new();
        let running = start(registry! {
            "store" => journal.script().idle(),
            "fails" => Fails(bad), after = ["store"],
        });
        running.wait().await;
        let outcome = running.stop().await;
        assert_eq!(
            outcome.failures()[0].to_string(),
            "service `fails` failed in run: cannot go on: bad"
        );
        assert_eq!(journal.count("store: drain done"), 1);
        drop(outcome);
    }
}
