//! However a run ends, each accepted item is flushed or counted lost, and no producer waits for ever.
//!
//! Items were neither where the service's own task could not count them: a flush that blocks its thread
//! beyond the stop, a runtime that ends. The intake stayed open then, and `send` waited. Of the kind are
//! a flush, a startup and a drain that block; a runtime that ends during a flush, during the startup,
//! and before it; a queue behind an `Arc`; and a flush that returns when its items were written off.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use lifecycle::{
    Context, Intake, Outcome, Queue, Registry, RegistryBuilder, Result, SendError, TrySendError,
    registry, service,
};
use lifecycle_tests::queue::Gatherer;
use lifecycle_tests::{Journal, hangs, millis, start, threads};
use tokio::runtime::{Builder, Runtime};
use tokio::task::yield_now;

/// Far more than anything here needs.
const BOUND: Duration = Duration::from_secs(10);

/// Blocks its thread in one of its hooks until it is released.
#[service(queue(size = 2, interval = "1ms"))]
struct Blocker {
    intake: Intake<u64>,
    hook: &'static str,
    blocks: Sender<()>,
    released: Mutex<Receiver<()>>,
    done: Sender<()>,
}

impl Blocker {
    fn block_in(&self, hook: &str) {
        if self.hook == hook {
            let _ = self.blocks.send(());
            let _ = self.released.lock().unwrap().recv_timeout(BOUND);
        }
    }
}

impl Queue for Blocker {
    type Item = u64;

    fn intake(&self) -> &Intake<u64> {
        &self.intake
    }

    async fn startup(&self, _: &Context) -> Result {
        self.block_in("startup");
        Ok(())
    }

    async fn flush(&self, _: &[u64], cx: &Context) -> Result {
        let in_drain = cx.deadline().is_some();
        self.block_in(if in_drain { "drain" } else { "flush" });
        let _ = self.done.send(());
        Ok(())
    }
}

fn lost(outcome: &Outcome) -> u64 {
    outcome.services()[0].queue.unwrap().lost
}

async fn is_closed(intake: &Intake<u64>) {
    assert!(intake.is_closed());
    assert_eq!(intake.send(7).await, Err(SendError(7)));
    assert_eq!(intake.try_send(8), Err(TrySendError::Closed(8)));
}

#[test]
fn what_a_hook_holds_that_blocks_beyond_the_stop_is_lost_once() {
    for hook in ["startup", "flush", "drain"] {
        let runtime = threads(3);
        let intake = Intake::bounded(3);
        let (blocks, is_blocking) = channel();
        let (release, released) = channel();
        let (done, flushed) = channel();
        let blocker = Arc::new(Blocker {
            intake: intake.clone(),
            hook,
            blocks,
            released: Mutex::new(released),
            done,
        });
        runtime.block_on(async {
            if hook == "drain" {
                intake.try_send(0).unwrap();
            }
            let running =
                start(registry! { "audit" => blocker.clone(), stop_timeout = millis(50) });
            let handle = running.handle();
            if hook == "drain" {
                running.await_healthy().await.unwrap();
                flushed.recv_timeout(BOUND).unwrap();
            } else {
                intake.try_send(0).unwrap();
                is_blocking.recv_timeout(BOUND).unwrap();
            }
            for item in 1..=3 {
                let _ = intake.try_send(item);
            }
            let waiting = tokio::spawn({
                let intake = intake.clone();
                async move {
                    // Until the intake is full, and then it waits.
                    for item in 10.. {
                        if let Err(SendError(back)) = intake.send(item).await {
                            return (item - 10, back);
                        }
                    }
                    (0, 0)
                }
            });
            let asked = Instant::now();
            let outcome = running.stop().await;
            let (sent, back) = waiting.await.unwrap();
            assert!(asked.elapsed() < BOUND, "not only when the thread is free");
            assert_eq!(back, sent + 10, "the item comes back");
            is_closed(&intake).await;
            let counts = outcome.services()[0].queue.unwrap();
            if hook != "drain" {
                assert!(counts.lost >= 3, "{hook}: {outcome}");
                assert_eq!(counts.flushed, 0, "{hook}: {outcome}");
            }
            assert_eq!(counts.depth, 0);
            if counts.lost > 0 {
                assert!(outcome.to_string().contains("`audit` lost"), "{outcome}");
            }
            // What was written off stays so, whatever the flush comes to.
            release.send(()).unwrap();
            if hook == "flush" {
                flushed.recv_timeout(BOUND).unwrap();
            }
            drop(release);
            let after = handle.states()[0].queue.unwrap();
            assert_eq!((after.flushed, after.lost), (counts.flushed, counts.lost));
        });
    }
}

/// Starts the registry on a runtime of its own, and lets it go as far as it can.
fn ended_with(registry: impl FnOnce() -> Registry, items: &Intake<u64>) -> Outcome {
    let runtime = current();
    let running = runtime.block_on(async {
        let running = start(registry());
        for _ in 0..10 {
            yield_now().await;
        }
        for item in 0..5 {
            items.try_send(item).unwrap();
        }
        for _ in 0..10 {
            yield_now().await;
        }
        while items.try_send(5).is_ok() {
            yield_now().await;
        }
        running
    });
    let producer = thread::spawn({
        let items = items.clone();
        move || current().block_on(async { items.send(9).await })
    });
    drop(runtime);
    let outcome = current().block_on(running.stop());
    assert_eq!(producer.join().unwrap(), Err(SendError(9)));
    current().block_on(is_closed(items));
    outcome
}

fn current() -> Runtime {
    Builder::new_current_thread().enable_time().build().unwrap()
}

#[test]
fn a_runtime_that_ends_leaves_no_item_uncounted() {
    let hung = || Gatherer::new(2, 1, 20).does([hangs()]);
    let (queue, journal) = (hung(), Journal::new());
    let outcome = ended_with(|| registry! { "audit" => queue.clone() }, &queue.intake);
    assert_eq!(lost(&outcome), 22, "during a flush: {outcome}");
    assert!(outcome.to_string().contains("lost 22"), "{outcome}");

    let queue = Arc::new(hung().startup(hangs()));
    let outcome = ended_with(|| registry! { "audit" => queue.clone() }, &queue.intake);
    assert_eq!(lost(&outcome), 20, "during the startup: {outcome}");

    let queue = Arc::new(hung());
    let waits = || {
        registry! {
            "audit" => queue.clone(), after = ["store"],
            "store" => journal.script().startup(hangs()).idle(),
        }
    };
    let outcome = ended_with(waits, &queue.intake);
    assert_eq!(lost(&outcome), 20, "before it: {outcome}");
}

/// What becomes of a registry that is never started.
type Never = fn(RegistryBuilder);

/// Of the kind: whatever lets go of a service before its registry could run.
const NEVER: [(&str, Never); 9] = [
    ("dropped", |builder| drop(builder.build().unwrap())),
    ("its run dropped", |builder| {
        drop(builder.build().unwrap().run());
    }),
    ("no runtime", |builder| {
        drop(builder.build().unwrap().start());
    }),
    ("no timer", |builder| {
        let runtime = Builder::new_current_thread().build().unwrap();
        runtime.block_on(async { drop(builder.build().unwrap().start()) });
    }),
    ("its limits refused", |builder| {
        let registry = builder.build().unwrap().deadline(millis(1));
        drop(registry.shutdown_delay(millis(2)).start());
    }),
    ("never built", drop),
    ("a name twice", |builder| {
        let other = Gatherer::new(1, 1, 1);
        assert!(builder.service("audit", other).build().is_err());
    }),
    ("limits that cannot be", |builder| {
        let builder = builder.deadline(millis(1)).shutdown_delay(millis(2));
        assert!(builder.build().is_err());
    }),
    ("replaced", |builder| {
        let _ =
            Some(builder.build().unwrap()).insert(registry! { "other" => Gatherer::new(1, 1, 1) });
    }),
];

#[test]
fn a_registry_that_is_never_started_closes_its_intakes() {
    for (how, never) in NEVER {
        let queue = room_for_two();
        queue.intake.try_send(1).unwrap();
        queue.intake.try_send(2).unwrap();
        let producer = thread::spawn({
            let intake = queue.intake.clone();
            move || current().block_on(async { intake.send(9).await })
        });
        never(Registry::builder().service("audit", queue.clone()));
        assert!(queue.intake.is_closed(), "{how}");
        assert_eq!(producer.join().unwrap(), Err(SendError(9)), "{how}");
    }
}

#[test]
fn what_a_registry_that_was_dropped_had_accepted_is_counted_lost() {
    let queue = room_for_two();
    queue.intake.try_send(1).unwrap();
    queue.intake.try_send(2).unwrap();
    let registry = registry! { "audit" => queue };
    let handle = registry.handle();
    drop(registry);
    assert_eq!(handle.states()[0].queue.unwrap().lost, 2);
}

fn room_for_two() -> Gatherer {
    Gatherer::new(8, 1_000, 2)
}
