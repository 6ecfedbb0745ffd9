//! The runtime ends under a run: whoever waits from outside is told, and nobody waits for ever.

use std::future::pending;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use lifecycle::{
    Context, Handle, Idle, Registry, Result, Running, TriggerError, Worker, registry, service,
};
use lifecycle_tests::{Journal, hangs, secs, start, state_of};
use tokio::runtime::{Builder, Runtime};
use tokio::task::yield_now;

/// Far more than anything here needs.
const BOUND: Duration = Duration::from_secs(10);

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// Starts the registry on a runtime of its own, and lets it go as far as it can.
fn start_on(runtime: &Runtime, registry: Registry) -> Running {
    runtime.block_on(async {
        let running = start(registry);
        for _ in 0..100 {
            yield_now().await;
        }
        running
    })
}

#[test]
fn whoever_waits_is_told_when_the_runtime_ends() {
    let journal = Journal::new();
    let ends = runtime();
    let running = start_on(
        &ends,
        registry! {
            "idle" => journal.script().idle(),
            "slow" => journal.script().startup(hangs()).idle(),
            "gc" => journal.script().scheduled(secs(60)), after = ["slow"],
            "cache" => journal.script().scheduled(secs(60)),
        },
    );
    let (told, tells) = channel();
    let waits = |what: &'static str, wait: fn(Handle) -> String| {
        let (handle, told) = (running.handle(), told.clone());
        thread::spawn(move || told.send((what, wait(handle))).unwrap());
    };
    waits("reason", |handle| {
        runtime().block_on(handle.wait()).to_string()
    });
    waits("healthy", |handle| {
        let healthy = runtime().block_on(handle.await_healthy());
        healthy.unwrap_err().to_string()
    });
    waits("never started", |handle| {
        runtime()
            .block_on(handle.trigger("gc"))
            .unwrap_err()
            .to_string()
    });
    waits("not due", |handle| {
        runtime()
            .block_on(handle.trigger("cache"))
            .unwrap_err()
            .to_string()
    });
    waits("moves", |handle| {
        let mut moves = handle.subscribe();
        runtime().block_on(async { while moves.recv().await.is_some() {} });
        "the end".to_owned()
    });
    drop(ends);
    let mut all: Vec<_> = (0..5).map(|_| tells.recv_timeout(BOUND).unwrap()).collect();
    all.sort_unstable();
    let dropped = "the registry was dropped";
    let stopping = format!("the application is stopping: {dropped}");
    let stopped = TriggerError::Stopped.to_string();
    let expected = [
        ("healthy", &*stopping),
        ("moves", "the end"),
        ("never started", &stopped),
        ("not due", &stopped),
        ("reason", dropped),
    ];
    assert_eq!(all, expected.map(|(what, told)| (what, told.to_owned())));
    let outcome = runtime().block_on(running.stop());
    assert_eq!(outcome.exit_code(), 1, "nobody was drained: {outcome}");
}

/// Starts a task when it is dropped, and so on.
struct Respawns {
    cx: Context,
    times: u8,
}

impl Drop for Respawns {
    fn drop(&mut self) {
        if self.times > 0 {
            let (cx, times) = (self.cx.clone(), self.times - 1);
            let next = Self { cx, times };
            self.cx.spawn(async move {
                let _next = next;
                pending().await
            });
        }
    }
}

#[service(worker)]
struct Respawner;

impl Worker for Respawner {
    async fn run(&self, cx: &Context) -> Result {
        let cx = cx.clone();
        let _first = Respawns { cx, times: 5 };
        pending().await
    }
}

#[test]
fn destructors_that_start_tasks_do_not_hold_up_the_end_of_the_runtime() {
    let ends = runtime();
    let running = start_on(&ends, registry! { "respawner" => Respawner });
    assert_eq!(
        state_of(&running.handle(), "respawner").to_string(),
        "running"
    );
    let (over, waits) = channel();
    thread::spawn(move || {
        drop(ends);
        over.send(()).unwrap();
    });
    waits.recv_timeout(BOUND).unwrap();
}

/// Panics when it is dropped.
#[service(idle)]
struct Clingy;

impl Idle for Clingy {}

impl Drop for Clingy {
    fn drop(&mut self) {
        panic!("in a destructor");
    }
}

#[test]
fn destructors_that_panic_do_not_abort_the_end_of_the_runtime() {
    let journal = Journal::new();
    let ends = runtime();
    let running = start_on(
        &ends,
        registry! {
            "a" => Clingy,
            "b" => Clingy,
            "slow" => journal.script().startup(hangs()).idle(),
            "c" => Clingy, after = ["slow"],
            "d" => Clingy, after = ["slow"],
        },
    );
    drop(ends);
    let outcome = runtime().block_on(running.stop());
    assert_eq!(outcome.exit_code(), 1, "nobody was drained: {outcome}");
}
