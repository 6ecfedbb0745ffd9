//! What a handle shows besides the states: who depends on whom, and whether the supervisor still works.

use std::future::Future;
use std::pin::pin;
use std::sync::mpsc;
use std::task::{Context as Poller, Waker};
use std::thread;

use lifecycle::{Context, DependencyKind, Idle, Registry, Result, registry, service};
use lifecycle_tests::{Journal, secs, takes};
use tokio::runtime::Builder;

fn is_ready(future: impl Future<Output = ()>) -> bool {
    pin!(future)
        .poll(&mut Poller::from_waker(Waker::noop()))
        .is_ready()
}

fn shown(registry: &Registry) -> Vec<String> {
    let dependencies = registry.handle().dependencies();
    let line = |list: &Vec<lifecycle::Dependency>| {
        let words = list.iter().map(|of| format!("{} {}", of.kind, of.name));
        words.collect::<Vec<_>>().join(", ")
    };
    dependencies.iter().map(line).collect()
}

#[service(idle)]
struct Plain;

impl Idle for Plain {}

#[test]
fn each_service_shows_what_it_depends_on_in_the_order_of_the_registry() {
    let registry = registry! {
        "api" => Plain, after = ["store"], wants = ["cache", "log"],
        "store" => Plain,
        "cache" => Plain, after = ["store"],
        "log" => Plain,
    };
    let expected = ["after store, wants cache, wants log", "", "after store", ""];
    assert_eq!(shown(&registry), expected);
    assert_eq!(DependencyKind::Wants.as_str(), "wants");
}

/// As many services as this, in an order that is not that of their names.
fn many(names: &[String], inner: Registry) -> Registry {
    let mut builder = Registry::builder().service("mod", inner);
    for name in names {
        builder = builder.service(name.clone(), Plain);
    }
    builder.build().unwrap()
}

#[test]
fn each_of_many_services_is_found_by_its_name() {
    let inner: Vec<String> = (0..100).rev().map(|index| format!("in-{index}")).collect();
    let names: Vec<String> = (0..500)
        .map(|index| format!("s{}", index * 7 % 500))
        .collect();
    for count in [0, 1, 15, 16, 17, 500] {
        let names = &names[..count];
        let within = many(&inner[..count.min(99)], registry! { "last" => Plain });
        let registry = many(names, within);
        let handle = registry.handle();
        let found = |name: &str| handle.status(name).map(|status| status.name.to_string());
        for status in handle.states() {
            assert_eq!(found(&status.name).as_deref(), Some(&*status.name));
        }
        assert_eq!(found("mod/mod/last").as_deref(), Some("mod/mod/last"));
        for unknown in [
            "",
            "s",
            "s500",
            "mod/s1",
            "mod/",
            "/",
            "mod/mod/last/more",
            "mo/last",
        ] {
            assert_eq!(found(unknown), None, "{unknown}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_supervisor_answers_while_services_run_and_while_they_drain() {
    let journal = Journal::new();
    let registry =
        registry! { "a" => journal.script().drain(takes(secs(3))).idle() }.signals(false);
    let handle = registry.handle();
    assert!(is_ready(handle.ping()), "there is none to ask yet");
    let running = registry.start();
    running.await_healthy().await.unwrap();
    handle.ping().await;
    let stop = tokio::spawn(running.stop());
    tokio::task::yield_now().await;
    assert!(!is_ready(handle.ping()), "only the supervisor answers");
    handle.ping().await;
    assert!(!stop.is_finished(), "it answers during the drain");
    stop.await.unwrap().into_result().unwrap();
    assert!(is_ready(handle.ping()), "there is none to ask any more");
}

/// Blocks its thread until it is told to go on.
#[service(idle)]
struct Blocker {
    entered: mpsc::SyncSender<()>,
    go_on: std::sync::Mutex<mpsc::Receiver<()>>,
}

impl Idle for Blocker {
    async fn startup(&self, _: &Context) -> Result {
        self.entered.send(())?;
        Ok(self.go_on.lock().unwrap().recv()?)
    }
}

#[test]
fn a_supervisor_whose_thread_is_blocked_does_not_answer() {
    let (entered, has_entered) = mpsc::sync_channel(1);
    let (go, go_on) = mpsc::channel();
    let blocker = Blocker {
        entered,
        go_on: go_on.into(),
    };
    let registry = registry! { "blocker" => blocker }.signals(false);
    let handle = registry.handle();
    let program = thread::spawn(move || {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(registry.run())
    });
    has_entered.recv().unwrap();
    let mut asked = pin!(handle.ping());
    let mut poller = Poller::from_waker(Waker::noop());
    for _ in 0..1_000 {
        assert!(asked.as_mut().poll(&mut poller).is_pending());
    }
    go.send(()).unwrap();
    let here = Builder::new_current_thread().build().unwrap();
    here.block_on(asked);
    handle.shutdown();
    program.join().unwrap().into_result().unwrap();
}
