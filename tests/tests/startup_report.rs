//! How an application came up, as `handle.startup()` tells it: rule 33.
//!
//! The kind of fault this is about: a start takes forty seconds, and finding out which service the others have waited for takes
//! an afternoon with the log.

use lifecycle::testing::InMemoryStore;
use lifecycle::{
    Context, Idle, Leases as _, OnFailure, Registry, Result, ServiceStartup, Startup, State,
    registry, service,
};
use lifecycle_tests::{Journal, Log, degrades, fails, hangs, millis, secs, start, takes};
use tokio::time::sleep;

const HEAD: &str =
    "A service began to start at the time after \"@\", and took the time after \"+\".\n\n";

fn tree(text: &str) -> String {
    format!("{HEAD}{text}")
}

fn of<'a>(startup: &'a Startup, name: &str) -> &'a ServiceStartup {
    startup
        .services
        .iter()
        .find(|service| service.name == *name)
        .unwrap()
}

fn application(journal: &Journal) -> Registry {
    registry! {
        "store" => journal.script().startup(takes(millis(500))).idle(),
        "tokenizer" => journal.script().startup(takes(secs(2))).idle(), after = ["store"],
        "api" => journal.script().startup(takes(millis(500))).idle(), after = ["side", "tokenizer"],
        "side" => journal.script().startup(takes(millis(1_900))).idle(),
        "cache" => journal.script().startup(takes(secs(60))).idle(), on_failure = ignore,
    }
}

#[tokio::test(start_paused = true)]
async fn it_tells_when_each_service_began_to_wait_to_start_and_was_ready() {
    let _log = Log::open();
    let journal = Journal::new();
    let running = start(application(&journal));
    let handle = running.handle();
    running.await_healthy().await.unwrap();
    let startup = handle.startup();
    let api = of(&startup, "api");
    assert_eq!(api.waiting, Some(secs(0)));
    assert_eq!(api.starting, Some(millis(2_500)));
    assert_eq!(api.ready, Some(secs(3)));
    assert_eq!(api.took(), Some(millis(500)));
    assert_eq!(api.failed, None);
    let cache = of(&startup, "cache");
    assert_eq!(
        (cache.starting, cache.ready, cache.took()),
        (Some(secs(0)), None, None)
    );
    assert_eq!(startup.healthy, Some(secs(3)));
    running.stop().await.into_result().unwrap();
    assert_eq!(of(&handle.startup(), "api").ready, Some(secs(3)));
}

#[tokio::test(start_paused = true)]
async fn printed_it_is_the_critical_chain_as_systemd_prints_it() {
    let _log = Log::open();
    let journal = Journal::new();
    let running = start(application(&journal));
    running.await_healthy().await.unwrap();
    sleep(secs(1)).await;
    let startup = running.handle().startup();
    let expected = tree(
        "healthy @3s
└─api @2.500s +500ms
  └─tokenizer @500ms +2s
    └─store @0 +500ms",
    );
    assert_eq!(startup.to_string(), expected);
    let chain: Vec<_> = startup
        .critical_chain()
        .map(|service| service.name.as_str())
        .collect();
    assert_eq!(chain, ["api", "tokenizer", "store"]);
    running.stop().await.into_result().unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_is_wanted_and_fails_is_in_the_chain_if_it_was_waited_for() {
    let _log = Log::open();
    let journal = Journal::new();
    let registry = registry! {
        "cache" => journal.script().startup(takes(secs(2)).then(fails("gone"))).idle(), on_failure = ignore,
        "store" => journal.script().startup(takes(secs(1))).idle(),
        "api" => journal.script().startup(takes(secs(1))).idle(), after = ["store"], wants = ["cache"],
    };
    let running = start(registry);
    running.await_healthy().await.unwrap();
    let startup = running.handle().startup();
    let text = startup.to_string();
    assert!(
        text.ends_with("api @2s +1s\n└─cache @0 +2s (failed)"),
        "{text}"
    );
    running.stop().await.into_result().unwrap();
}

#[tokio::test(start_paused = true)]
async fn while_it_is_under_way_the_chain_begins_with_what_has_been_starting_longest() {
    let _log = Log::open();
    let journal = Journal::new();
    let registry = application(&journal);
    let handle = registry.handle();
    let nothing = tree("nothing has begun to start");
    assert_eq!(handle.startup().to_string(), nothing);
    let running = start(registry);
    sleep(millis(2_000)).await;
    let text = tree("tokenizer @500ms +1.500s (starting)\n└─store @0 +500ms");
    assert_eq!(handle.startup().to_string(), text);
    running.stop().await.into_result().unwrap();
    drop(handle);
}

#[tokio::test(start_paused = true)]
async fn a_start_that_fails_or_times_out_is_logged_with_its_chain() {
    let log = Log::open();
    let journal = Journal::new();
    let registry = registry! {
        "store" => journal.script().startup(takes(millis(500))).idle(),
        "tokenizer" => journal.script().startup(hangs()).idle(), after = ["store"], start_timeout = "2s",
        "api" => journal.script().startup(takes(secs(1))).idle(), after = ["tokenizer"],
    };
    let running = start(registry);
    running.wait().await;
    let startup = running.handle().startup();
    assert_eq!(running.stop().await.exit_code(), 1);
    let chain = "tokenizer @500ms +2s (failed)\n└─store @0 +500ms";
    assert_eq!(startup.to_string(), tree(chain));
    assert_eq!(of(&startup, "api").starting, None);
    assert_eq!(of(&startup, "api").failed, Some(millis(2_500)));
    let line = log.place(&["WARN", "the start has failed", "service=tokenizer"]);
    let lines = log.lines();
    assert!(lines[line].ends_with(chain), "{:?}", lines[line]);
    let chains = lines
        .iter()
        .filter(|line| line.contains("the start has failed"));
    assert_eq!(chains.count(), 1, "{lines:#?}");
}

#[tokio::test(start_paused = true)]
async fn what_was_on_standby_when_all_were_up_is_none_of_the_start() {
    let (journal, store) = (Journal::new(), InMemoryStore::new());
    let other = store.take("job", "other", secs(86_400)).await;
    let other = other.unwrap().unwrap();
    let running = start(registry! {
        leases = store.clone(),
        "store" => journal.script().startup(takes(secs(1))).idle(),
        "job" => journal.script().startup(takes(secs(5))).idle(), replicas = one,
    });
    running.await_healthy().await.unwrap();
    let handle = running.handle();
    let printed = tree("healthy @1s\n└─store @0 +1s");
    assert_eq!(handle.startup().to_string(), printed);
    store.give_back(&other).await.unwrap();
    for state in [State::Starting, State::Running] {
        while handle.status("job").unwrap().state != state {
            sleep(millis(100)).await;
        }
        assert_eq!(handle.startup().to_string(), printed, "while it is {state}");
    }
    running.stop().await.into_result().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_failure_after_the_start_is_none_of_the_start() {
    let log = Log::open();
    let journal = Journal::new();
    let registry = registry! {
        "feed" => journal.script().run(takes(secs(1)).then(fails("gone"))).worker(),
    };
    let running = start(registry);
    running.wait().await;
    let startup = running.handle().startup();
    assert_eq!(running.stop().await.exit_code(), 1);
    assert_eq!(of(&startup, "feed").failed, None);
    assert_eq!(startup.to_string(), tree("healthy @0\n└─feed @0 +0"));
    assert!(
        !log.lines()
            .iter()
            .any(|line| line.contains("the start has failed"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_oneshot_is_ready_when_it_has_succeeded() {
    let _log = Log::open();
    let journal = Journal::new();
    let registry = registry! {
        "migrate" => journal.script().run(takes(secs(4))).oneshot(),
        "api" => journal.script().idle(), after = ["migrate"],
    };
    let running = start(registry);
    running.await_healthy().await.unwrap();
    let startup = running.handle().startup();
    assert_eq!(of(&startup, "migrate").ready, Some(secs(4)));
    let text = tree("healthy @4s\n└─api @4s +0\n  └─migrate @0 +4s");
    assert_eq!(startup.to_string(), text);
    running.stop().await.into_result().unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_status_of_one_service_is_there_by_its_name() {
    let _log = Log::open();
    let journal = Journal::new();
    let registry = registry! {
        "store" => journal.script().run(degrades("slow").then(hangs())).worker(),
        "api" => Api, on_failure = ignore,
    };
    let handle = registry.handle();
    assert_eq!(handle.status("store").unwrap().state, State::New);
    let running = start(registry);
    running.await_healthy().await.unwrap();
    sleep(secs(1)).await;
    let store = handle.status("store").unwrap();
    assert_eq!(
        (store.state, store.degraded.as_deref()),
        (State::Running, Some("slow"))
    );
    assert_eq!(handle.status("api").unwrap().on_failure, OnFailure::Ignore);
    assert!(handle.status("stor").is_none());
    let _ = running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn the_reason_to_stop_is_there_once_there_is_one() {
    let _log = Log::open();
    let journal = Journal::new();
    let running = start(registry! { "store" => journal.script().idle() });
    let handle = running.handle();
    running.await_healthy().await.unwrap();
    assert!(handle.reason().is_none());
    handle.shutdown();
    assert_eq!(handle.reason().unwrap().to_string(), "stop requested");
    running.stop().await.into_result().unwrap();
    assert_eq!(handle.reason().unwrap().to_string(), "stop requested");
}

#[service(idle)]
struct Api;

impl Idle for Api {
    async fn startup(&self, _: &Context) -> Result {
        Ok(())
    }
}
