//! `registry!` and `#[service(..)]` as users write them: what is accepted, and what it means at run time.

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use lifecycle::{
    Context, Idle, OnFailure, Registry, Restart, Result, Scheduled, Shape, Worker, registry,
    service,
};
use lifecycle_tests::{IdleScript, Journal, hangs, millis, secs, start, takes};
use tokio::time::sleep;

fn names(registry: Registry) -> Vec<String> {
    let running = start(registry);
    let states = running.handle().states();
    states
        .iter()
        .map(|status| status.name.to_string())
        .collect()
}

fn idle() -> IdleScript {
    Journal::new().script().idle()
}

#[tokio::test]
async fn entries_that_cfg_removes_do_not_count() {
    let registry = registry! {
        "store" => idle(),
        #[cfg(not(test))]
        "removed" => no_such_function(),
        #[cfg(test)]
        "kept" => idle(), after = ["store"],
        #[cfg(any())]
        "api" => no_such_function(), after = ["kept"],
        #[cfg(all())]
        "api" => idle(), after = ["store", "kept"],
        #[cfg(any())]
        "BAD NAME" => no_such_function(), after = ["store", "store"],
    };
    assert_eq!(names(registry), ["store", "kept", "api"]);
}

#[tokio::test(start_paused = true)]
async fn a_removed_entry_is_not_evaluated() {
    let journal = Journal::new();
    let made = |name: &str| {
        journal.note(name);
        idle()
    };
    let registry = registry! {
        "first" => made("first"),
        #[cfg(not(test))]
        "removed" => made("removed"),
        "second" => made("second"), after = ["first"],
    };
    assert_eq!(
        journal.all(),
        ["first", "second"],
        "once, in order, when it is assembled"
    );
    drop(registry);
}

#[tokio::test(start_paused = true)]
async fn settings_are_literals_or_expressions() {
    const PATIENCE: Duration = secs(3);
    let factor = 2;
    let journal = Journal::new();
    let running = start(registry! {
        deadline = "1m 30s",
        shutdown_delay = secs(1) * factor,

        "literal" => journal.script().drain(hangs()).idle(), stop_timeout = "1500ms",
        "constant" => journal.script().drain(hangs()).idle(), stop_timeout = PATIENCE,
        "expression" => journal.script().drain(hangs()).idle(), stop_timeout = millis(500) * factor * 2,
        "start" => journal.script().startup(hangs()).idle(), start_timeout = "4s", on_failure = ignore,
        "default" => journal.script().idle(), on_failure = shutdown,
    });
    sleep(secs(10)).await;
    assert_eq!(journal.at("start: startup dropped"), secs(4));
    let outcome = running.stop().await;
    let late: Vec<_> = outcome.laggards().iter().map(|late| late.had).collect();
    assert_eq!(late, [millis(1_500), secs(2), secs(3)]);
    assert_eq!(outcome.took(), Some(secs(5)));
    assert_eq!(outcome.services()[3].on_failure, OnFailure::Ignore);
}

#[tokio::test]
async fn an_entry_may_use_question_mark_await_and_return() {
    async fn connect(url: &str) -> Result<IdleScript, String> {
        tokio::task::yield_now().await;
        if url.is_empty() {
            return Err("no url".to_owned());
        }
        Ok(idle())
    }

    async fn assemble(url: &str, wants_api: bool) -> Result<Option<Registry>, String> {
        Ok(Some(registry! {
            "store" => connect(url).await?,
            "api" => if wants_api { idle() } else { return Ok(None) }, after = ["store"],
        }))
    }

    assert!(assemble("db", true).await.unwrap().is_some());
    assert!(assemble("db", false).await.unwrap().is_none());
    assert_eq!(assemble("", true).await.unwrap_err(), "no url");
}

#[tokio::test]
async fn an_entry_is_any_expression() {
    let (shared, make) = (Arc::new(idle()), idle);
    let registry = registry! {
        "block" => { let journal = Journal::new(); journal.script().idle() },
        "chained" => Journal::new().script().idle(),
        "shared" => shared.clone(),
        "struct" => Cache::<u8> { held: Vec::new() },
        "tuple" => Every(secs(5)),
        "match" => match Some(idle()) { Some(some) => some, None => idle() },
        "last" => make()
    };
    assert_eq!(names(registry).len(), 7);
}

#[tokio::test]
async fn it_works_inside_a_macro_and_a_generic_function() {
    macro_rules! pair {
        ($first:literal, $second:literal, $service:expr) => {
            registry! { $first => $service, $second => idle(), after = [$first] }
        };
    }

    fn around<S: lifecycle::Service>(service: S) -> Registry {
        registry! { "inner" => service }
    }

    assert_eq!(names(pair!("one", "two", idle())), ["one", "two"]);
    assert_eq!(names(around(Arc::new(idle()))), ["inner"]);
}

/// Generic, with a where clause and a derive.
#[service(idle)]
#[derive(Clone, Debug)]
struct Cache<T>
where
    T: Debug + Send + Sync,
{
    held: Vec<T>,
}

impl<T: Debug + Send + Sync> Idle for Cache<T> {
    async fn drain(&self, _: &Context) -> Result {
        assert!(self.held.is_empty());
        Ok(())
    }
}

/// A tuple struct whose interval is an expression.
#[service(scheduled(interval = self.0))]
struct Every(Duration);

impl Scheduled for Every {
    async fn tick(&self, _: &Context) -> Result {
        Ok(())
    }
}

#[derive(Default)]
struct Config {
    gc: Gc,
}

#[derive(Default)]
struct Gc {
    interval: Duration,
}

#[service(scheduled(interval = "cfg.gc.interval"))]
#[derive(Default)]
struct ByPath {
    cfg: Config,
    ticks: AtomicU32,
}

impl Scheduled for ByPath {
    async fn tick(&self, _: &Context) -> Result {
        self.ticks.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

#[service(scheduled(interval = "1m 30s"))]
struct ByLiteral(AtomicU32);

impl Scheduled for ByLiteral {
    async fn tick(&self, _: &Context) -> Result {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn intervals_are_paths_literals_or_expressions() {
    let config = Config {
        gc: Gc { interval: secs(20) },
    };
    let (path, literal) = (
        Arc::new(ByPath {
            cfg: config,
            ..ByPath::default()
        }),
        Arc::new(ByLiteral(AtomicU32::new(0))),
    );
    let running = start(registry! {
        "path" => path.clone(),
        "literal" => literal.clone(),
        "expression" => Every(secs(30)),
    });
    sleep(secs(95)).await;
    let ticks: Vec<_> = running
        .handle()
        .states()
        .iter()
        .map(|status| status.ticks.as_ref().unwrap().count)
        .collect();
    assert_eq!(ticks, [4, 1, 3]);
    assert_eq!(path.ticks.load(Ordering::Relaxed), 4);
    running.stop().await.into_result().unwrap();
}

/// With a lifetime: only where it is registered it must be `'static`.
#[service(worker)]
struct Echo<'a> {
    greeting: &'a str,
}

impl Worker for Echo<'_> {
    async fn run(&self, cx: &Context) -> Result {
        assert!(!self.greeting.is_empty());
        cx.stop_channel().closed().await;
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_with_a_lifetime_is_registered_when_it_is_static() {
    let local = String::from("not registered");
    assert_eq!(Echo { greeting: &local }.greeting, local);
    let running = start(registry! { "echo" => Echo { greeting: "hello" } });
    running.await_healthy().await.unwrap();
    assert_eq!(running.handle().states()[0].shape, Shape::Worker);
    running.stop().await.into_result().unwrap();
}

#[tokio::test(start_paused = true)]
async fn one_service_can_run_again_and_in_two_registries_at_once() {
    let journal = Journal::new();
    let shared = Arc::new(journal.script().startup(takes(secs(1))).scheduled(secs(5)));
    for _ in 0..3 {
        let running = start(registry! { "s" => shared.clone() });
        running.await_healthy().await.unwrap();
        sleep(secs(6)).await;
        running.stop().await.into_result().unwrap();
    }
    assert_eq!(journal.count("s: drain done"), 3);
    assert_eq!(journal.count("s: tick 3 done"), 1);

    let (one, two) = (
        start(registry! { "one" => shared.clone() }),
        start(registry! { "two" => shared.clone() }),
    );
    one.await_healthy().await.unwrap();
    one.stop().await.into_result().unwrap();
    assert!(
        two.handle().is_healthy(),
        "each run has its own stop channel"
    );
    two.stop().await.into_result().unwrap();
}

/// The words of the macro are the values of the builder.
#[tokio::test(start_paused = true)]
async fn the_words_of_a_policy_are_its_values() {
    let journal = Journal::new();
    let part = || journal.script().idle();
    let limit = secs(7);
    let registry = registry! {
        "store" => part(), on_failure = restart,
        "feed" => part(),
            after = ["store"],
            on_failure = restart(backoff = "1s..1m", max = 3, reset = limit, then = ignore),
            restart_with = ["store"],
        "page" => part(), on_failure = restart(max = forever, then = shutdown),
    };
    let policies: Vec<_> = registry
        .handle()
        .states()
        .into_iter()
        .map(|status| status.on_failure)
        .collect();
    let feed = Restart::new()
        .backoff(secs(1), secs(60))
        .max(3)
        .reset(limit)
        .then(lifecycle::Then::Ignore);
    let expected = [Restart::new(), feed, Restart::new().forever()];
    assert_eq!(policies, expected.map(OnFailure::Restart));
}
