//! What is kept of a subscriber that is gone, and of a runtime that has ended: nothing.
//!
//! The kind of fault this is about: what outlives its use. To it belong whatever can be kept after a run (handles,
//! contexts, stop channels, subscriptions, outcomes), every shape and every way a run can end, also with the runtime; and
//! whatever subscribes and goes: a subscription that was read, that was not, one that was dropped while it waited, and the
//! questions that subscribe by themselves.
//!
//! Descriptors and memory are of the whole process, so all of it is one test.

#![cfg(target_os = "linux")]

use std::fs;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::Poll;

use lifecycle::{
    Context, Handle, Intake, Outcome, Queue, Registry, Result, Running, Service, Shape,
    StopChannel, Transitions, async_trait, registry, service,
};
use lifecycle_tests::{Journal, fails, hangs, millis, secs, spawns, threads, until_stopped};
use tokio::runtime::Runtime;
use tokio::time::{sleep, timeout};

/// What a program may keep of its services.
type Kept = Arc<Mutex<Vec<(Context, StopChannel, Handle)>>>;

struct Keeper(Kept);

#[async_trait]
impl Service for Keeper {
    async fn start(&self, cx: &Context) -> Result {
        let kept = (cx.clone(), cx.stop_channel(), cx.handle());
        self.0.lock().unwrap().push(kept);
        cx.ready();
        cx.spawn({
            let stop = cx.stop_channel();
            async move {
                stop.closed().await;
                Ok(())
            }
        });
        cx.stop_channel().closed().await;
        Ok(())
    }

    async fn stop(&self, cx: &Context) -> Result {
        cx.exited().await;
        Ok(())
    }
}

#[service(queue(size = 8, interval = "1s"))]
struct Sink(Intake<u32>);

impl Queue for Sink {
    type Item = u32;

    fn intake(&self) -> &Intake<u32> {
        &self.0
    }

    async fn flush(&self, _: &[u32], _: &Context) -> Result {
        Ok(())
    }
}

fn everything(kept: &Kept) -> Registry {
    let journal = Journal::new();
    registry! {
        deadline = "200ms",
        "idle" => journal.script().idle(),
        "ticks" => journal.script().scheduled(millis(3)),
        "never" => journal.script().scheduled(secs(3_600)), after = ["ticks"],
        "task" => journal.script().run(spawns(until_stopped()).then(until_stopped())).worker(),
        "once" => journal.script().oneshot(),
        "sink" => Sink(Intake::bounded(8)),
        "fails" => journal.script().run(fails("no")).worker(), on_failure = ignore,
        "late" => journal.script().run(hangs()).drain(hangs()).worker(),
        "keeper" => Keeper(kept.clone()), wants = ["fails"],
    }
    .signals(false)
}

#[derive(Default)]
struct Rest {
    handles: Vec<Handle>,
    moves: Vec<Transitions>,
    outcomes: Vec<Outcome>,
    running: Vec<Running>,
}

/// How a run ends, or does not begin.
#[derive(Clone, Copy, Debug)]
enum End {
    Stopped,
    WithTheRuntime,
    /// And the running registry is kept.
    BeforeTheOwner,
    Dropped,
    NeverStarted,
}

fn play(runtime: &Runtime, end: End, kept: &Kept, rest: &mut Rest) {
    let registry = everything(kept);
    rest.handles.push(registry.handle());
    rest.moves.push(registry.subscribe());
    runtime.block_on(async {
        if let End::NeverStarted = end {
            drop(registry);
            return;
        }
        let handle = registry.handle();
        let running = registry.start();
        running.await_healthy().await.unwrap();
        let mut moves = running.handle().subscribe();
        assert!(timeout(millis(1), moves.recv()).await.is_err());
        rest.moves.push(moves);
        sleep(millis(20)).await;
        match end {
            End::Stopped => rest.outcomes.push(running.stop().await),
            End::Dropped => {
                drop(running);
                let mut moves = handle.subscribe();
                while moves.recv().await.is_some() {}
                while tokio::runtime::Handle::current()
                    .metrics()
                    .num_alive_tasks()
                    > 0
                {
                    tokio::task::yield_now().await;
                }
            }
            End::BeforeTheOwner => rest.running.push(running),
            End::WithTheRuntime | End::NeverStarted => drop(tokio::spawn(async move {
                let _running = running;
                std::future::pending::<()>().await;
            })),
        }
        rest.handles.push(handle);
    });
}

fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

/// In kilobytes.
fn memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS"));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    number.unwrap().parse().unwrap()
}

fn what_is_kept_of_a_run_holds_no_runtime() {
    // Tokio opens two for the whole process with its first runtime.
    drop(threads(0));
    for end in [
        End::Stopped,
        End::Dropped,
        End::WithTheRuntime,
        End::BeforeTheOwner,
        End::NeverStarted,
    ] {
        for workers in [0, 2] {
            let before = descriptors();
            let (kept, mut rest) = (Kept::default(), Rest::default());
            for _ in 0..4 {
                let runtime = threads(workers);
                play(&runtime, end, &kept, &mut rest);
                drop(runtime);
            }
            assert_eq!(descriptors(), before, "{end:?} on {workers}");
            for (cx, stop, handle) in kept.lock().unwrap().iter() {
                assert!(
                    stop.is_closed() || matches!(end, End::WithTheRuntime | End::BeforeTheOwner)
                );
                assert!(!handle.is_healthy());
                cx.spawn(async { Ok(()) });
            }
            assert_eq!(descriptors(), before, "{end:?} on {workers}");
        }
    }
}

/// A service that says neither what it is nor that it has no ticks: to ask it for one subscribes.
struct Silent;

#[async_trait]
impl Service for Silent {
    async fn start(&self, cx: &Context) -> Result {
        cx.stop_channel().closed().await;
        Ok(())
    }

    async fn stop(&self, cx: &Context) -> Result {
        cx.exited().await;
        Ok(())
    }
}

/// Waits, and goes before it is told.
async fn look_once<T>(waits: impl Future<Output = T>) {
    let mut waits = pin!(waits);
    poll_fn(|task| {
        drop(waits.as_mut().poll(task));
        Poll::Ready(())
    })
    .await;
}

fn a_subscriber_that_is_gone_leaves_nothing() {
    const TIMES: usize = 100_000;
    let runtime = threads(0);
    runtime.block_on(async {
        let registry = registry! {
            "silent" => Silent, on_failure = ignore,
            "idle" => Journal::new().script().idle(),
        };
        let early = registry.handle();
        let ask = |handle: Handle| async move {
            let mut moves = handle.subscribe();
            look_once(moves.recv()).await;
            drop(handle.subscribe());
            look_once(handle.trigger("silent")).await;
            look_once(handle.await_healthy()).await;
        };
        for _ in 0..1_000 {
            ask(early.clone()).await;
        }
        let before = memory();
        for _ in 0..TIMES / 10 {
            ask(early.clone()).await;
        }
        let running = registry.signals(false).start();
        running.await_healthy().await.unwrap();
        let status = early.states().swap_remove(0);
        assert_eq!(status.shape, Shape::Custom);
        for _ in 0..TIMES {
            ask(running.handle()).await;
        }
        let grown = memory().saturating_sub(before);
        // Two kilobytes each would be 600 MB.
        assert!(grown < 40_000, "grown by {grown} kB");
        running.stop().await.into_result().unwrap();
    });
}

#[test]
fn nothing_is_kept_of_what_is_over() {
    what_is_kept_of_a_run_holds_no_runtime();
    a_subscriber_that_is_gone_leaves_nothing();
}
