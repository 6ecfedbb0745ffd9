//! A flush that is asked for through a handle: it comes now, and its result is the answer.
//!
//! Of the kind are items that wait for their interval, more of them than a batch holds, none at all, a flush
//! in flight, a batch between two attempts, a flush that fails, panics, hangs or is lost, calls that are
//! shared or dropped, a service that does not run yet, never will, or stops, one behind a decorator, and a
//! service that asks for a flush of its own.

use std::sync::{Arc, Mutex};

use lifecycle::{
    Context, Handle, Intake, Queue, Result, Service, TriggerError, async_trait, registry, service,
};
use lifecycle_tests::queue::Gatherer;
use lifecycle_tests::{
    Journal, fails, gatherer, hangs, hush, millis, nothing, panics, paused, secs, start, takes,
    threads,
};
use tokio::task::{JoinHandle, yield_now};
use tokio::time::timeout;

use super::batches::status;

gatherer!(Dropping, attempts = 1, attempts_used_up = drop);
gatherer!(Lossy, overflow = drop_oldest);

/// Asks at this millisecond; when the answer came, and what it was.
async fn ask_at(at: u64, handle: &Handle, queue: &Gatherer) -> JoinHandle<(u64, String)> {
    queue.reach(at).await;
    let (handle, queue) = (handle.clone(), queue.clone());
    let asked = tokio::spawn(async move {
        let answer = handle.trigger("audit").await;
        let text = answer.map_or_else(|error| error.to_string(), |()| "done".to_owned());
        (queue.now(), text)
    });
    yield_now().await;
    asked
}

fn done(at: u64) -> (u64, String) {
    (at, "done".to_owned())
}

fn send(queue: &Gatherer, items: impl IntoIterator<Item = u64>) {
    for item in items {
        queue.intake.try_send(item).unwrap();
    }
}

#[test]
fn what_waits_for_its_interval_is_flushed_now() {
    paused(async {
        let queue = Gatherer::new(100, 1_000_000, 100).does([takes(millis(30))]);
        let running = start(registry! { "audit" => queue.clone() });
        queue.reach(10).await;
        send(&queue, 0..5);
        let asked = ask_at(20, &running.handle(), &queue).await;
        assert_eq!(asked.await.unwrap(), done(50));
        assert_eq!(queue.batches(), [(20, vec![0, 1, 2, 3, 4])]);
        send(&queue, 5..6);
        queue.reach(2_000_000).await;
        assert_eq!(queue.batches()[1..], [(1_000_050, vec![5])], "as before");
        running.stop().await.into_result().unwrap();
    });
}

#[test]
fn without_an_item_it_is_answered_and_nothing_is_flushed() {
    paused(async {
        let queue = Gatherer::new(100, 1_000_000, 100);
        let running = start(registry! { "audit" => queue.clone() });
        for at in [10, 20, 30] {
            let asked = ask_at(at, &running.handle(), &queue).await;
            assert_eq!(asked.await.unwrap(), done(at));
        }
        assert_eq!(queue.flushes(), []);
    });
}

#[test]
fn all_that_was_accepted_before_is_flushed_when_it_is_answered() {
    paused(async {
        let queue = Gatherer::new(3, 1_000_000, 100).does([takes(millis(10))]);
        let running = start(registry! { "audit" => queue.clone() });
        queue.reach(10).await;
        send(&queue, 0..8);
        let asked = ask_at(10, &running.handle(), &queue).await;
        assert_eq!(asked.await.unwrap(), done(40));
        assert_eq!(queue.flushed(), (0..8).collect::<Vec<_>>());
        assert_eq!(queue.faults(), [""; 0]);
    });
}

#[test]
fn it_is_answered_though_items_come_without_end() {
    paused(async {
        let queue = Gatherer::new(2, 1_000_000, 100).does([takes(millis(10))]);
        let running = start(registry! { "audit" => queue.clone() });
        send(&queue, 0..6);
        let producer = tokio::spawn({
            let queue = queue.clone();
            async move {
                for item in 6.. {
                    queue.intake.send(item).await.unwrap();
                    tokio::time::sleep(millis(2)).await;
                }
            }
        });
        let asked = ask_at(5, &running.handle(), &queue).await;
        let (at, answer) = timeout(secs(10), asked).await.unwrap().unwrap();
        assert_eq!(answer, "done");
        assert!(at <= 100, "{at}");
        producer.abort();
    });
}

#[test]
fn during_a_flush_it_waits_for_its_end_and_flushes_the_rest() {
    paused(async {
        let queue = Gatherer::new(2, 1_000_000, 100).does([takes(millis(100))]);
        let running = start(registry! { "audit" => queue.clone() });
        queue.reach(10).await;
        send(&queue, 0..2);
        let alone = ask_at(20, &running.handle(), &queue).await;
        queue.reach(30).await;
        send(&queue, 2..3);
        let with_more = ask_at(40, &running.handle(), &queue).await;
        assert_eq!(alone.await.unwrap().1, "done");
        assert_eq!(with_more.await.unwrap(), done(210));
        assert_eq!(queue.batches(), [(10, vec![0, 1]), (110, vec![2])]);
    });
}

#[test]
fn calls_before_it_begins_share_a_flush_and_a_dropped_one_is_flushed_for_as_well() {
    paused(async {
        let queue = Gatherer::new(100, 1_000_000, 100).does([takes(millis(50))]);
        let running = start(registry! { "audit" => queue.clone() });
        queue.reach(10).await;
        send(&queue, 0..1);
        let handle = running.handle();
        let (one, other) = (handle.trigger("audit"), handle.trigger("audit"));
        let (one, other) = tokio::join!(one, other);
        assert!(one.is_ok() && other.is_ok());
        assert_eq!(queue.batches(), [(10, vec![0])]);
        send(&queue, 1..2);
        assert!(timeout(millis(1), handle.trigger("audit")).await.is_err());
        queue.reach(1_000).await;
        assert_eq!(queue.flushed(), [0, 1]);
    });
}

#[test]
fn a_flush_that_fails_is_the_answer_and_the_batch_is_tried_again() {
    paused(async {
        let queue = Gatherer::new(10, 1_000_000, 100).does([fails("away"), nothing()]);
        let running = start(registry! { "audit" => queue.clone() });
        queue.reach(10).await;
        send(&queue, 0..2);
        let asked = ask_at(20, &running.handle(), &queue).await;
        assert_eq!(
            asked.await.unwrap(),
            (20, "the flush failed: away".to_owned())
        );
        queue.reach(1_000).await;
        assert_eq!(queue.flushed(), [0, 1]);
        assert_eq!(status(&running).failures, 1);
        running.stop().await.into_result().unwrap();
    });
}

#[test]
fn between_two_attempts_the_next_one_comes_at_once() {
    paused(async {
        let no = || fails("away");
        let queue = Gatherer::new(1, 50, 100).does([no(), no(), no(), no(), nothing()]);
        let running = start(registry! { "audit" => queue.clone() });
        send(&queue, 0..1);
        // By then three attempts have failed, and the fourth comes 200 ms after the third at the soonest.
        queue.reach(5).await;
        while queue.flushes().len() < 3 {
            tokio::time::sleep(millis(1)).await;
        }
        let at = queue.now() + 10;
        let asked = ask_at(at, &running.handle(), &queue).await;
        assert_eq!(
            asked.await.unwrap(),
            (at, "the flush failed: away".to_owned())
        );
        let asked = ask_at(at + 10, &running.handle(), &queue).await;
        assert_eq!(asked.await.unwrap(), done(at + 10));
        assert_eq!(queue.flushed(), [0]);
    });
}

#[test]
fn an_attempt_that_is_asked_for_counts() {
    paused(async {
        let queue = Gatherer::new(1, 50, 100).does([fails("away")]);
        let running = start(registry! { "audit" => queue.clone(), stop_timeout = millis(10) });
        send(&queue, 0..1);
        queue.reach(5).await;
        for _ in 0..4 {
            let failed = running.handle().trigger("audit").await;
            assert!(
                matches!(failed, Err(TriggerError::FlushFailed(_))),
                "{failed:?}"
            );
        }
        running.wait().await;
        assert_eq!(queue.now(), 5);
        assert_eq!(queue.flushes().len(), 5);
    });
    paused(async {
        let queue = Gatherer::new(1, 1_000_000, 100).does([fails("away"), nothing()]);
        let running = start(registry! { "audit" => Dropping(queue.clone()) });
        queue.reach(5).await;
        queue.turn(10, 1_000_000);
        send(&queue, 0..1);
        queue.reach(10).await;
        let handle = running.handle();
        let failed = handle.trigger("audit").await;
        assert!(matches!(failed, Err(TriggerError::FlushFailed(_))));
        handle.trigger("audit").await.unwrap();
        assert_eq!(status(&running).lost, 1);
    });
}

#[test]
fn nobody_waits_for_a_flush_that_panics_or_is_dropped() {
    for does in [panics("as scripted"), hangs()] {
        paused(async {
            let queue = Gatherer::new(10, 1_000_000, 100).does([does, nothing()]);
            let running = start(registry! { "audit" => queue.clone() });
            queue.reach(5).await;
            send(&queue, 0..1);
            let in_flight = ask_at(10, &running.handle(), &queue).await;
            let waiting = ask_at(20, &running.handle(), &queue).await;
            let handle = running.handle();
            let _ = running.stop().await;
            assert_eq!(in_flight.await.unwrap().1, "the service has stopped");
            assert_eq!(waiting.await.unwrap().1, "the service has stopped");
            let after = handle.trigger("audit").await;
            assert!(matches!(after, Err(TriggerError::Stopped)));
        });
    }
}

#[test]
fn a_service_that_does_not_run_yet_flushes_as_soon_as_it_does() {
    paused(async {
        let queue = Gatherer::new(10, 1_000_000, 100).startup(takes(millis(500)));
        let running = start(registry! { "audit" => queue.clone() });
        send(&queue, 0..2);
        let asked = ask_at(10, &running.handle(), &queue).await;
        assert_eq!(asked.await.unwrap(), done(500));
        assert_eq!(queue.batches(), [(500, vec![0, 1])]);
    });
}

#[test]
fn one_that_never_runs_is_an_error_and_so_is_one_before_the_start() {
    paused(async {
        let (queue, journal) = (Gatherer::new(10, 50, 100), Journal::new());
        let registry = registry! {
            "store" => journal.script().startup(takes(millis(50)).then(fails("no"))).idle(),
            "audit" => queue.clone(), after = ["store"],
        };
        let handle = registry.handle();
        let early = handle.trigger("audit").await;
        assert!(matches!(early, Err(TriggerError::NotStarted)), "{early:?}");
        let running = start(registry);
        let asked = ask_at(10, &handle, &queue).await;
        assert_eq!(
            asked.await.unwrap(),
            (50, "the service has stopped".to_owned())
        );
        let _ = running.stop().await;
        let late = handle.trigger("audit").await;
        assert!(matches!(late, Err(TriggerError::Stopped)), "{late:?}");
    });
}

/// Forwards what every service has.
struct Around(Gatherer);

#[async_trait]
impl Service for Around {
    async fn start(&self, cx: &Context) -> Result {
        tokio::time::sleep(millis(100)).await;
        self.0.start(cx).await
    }

    async fn stop(&self, cx: &Context) -> Result {
        self.0.stop(cx).await
    }
}

#[test]
fn a_queue_behind_a_decorator_is_asked_as_well() {
    paused(async {
        let queue = Gatherer::new(10, 1_000_000, 100);
        let running = start(registry! { "audit" => Around(queue.clone()) });
        send(&queue, 0..2);
        let early = ask_at(10, &running.handle(), &queue).await;
        assert_eq!(early.await.unwrap(), done(100));
        send(&queue, 2..3);
        running.handle().trigger("audit").await.unwrap();
        assert_eq!(queue.flushed(), [0, 1, 2]);
    });
}

/// Asks for a flush of its own: in its hooks, and in a task.
#[service(queue(size = 1, interval = "1s"))]
struct Selfish {
    intake: Intake<u64>,
    told: Arc<Mutex<Vec<String>>>,
}

impl Selfish {
    async fn ask(&self, hook: &str, cx: &Context) {
        let answer = cx.handle().trigger("audit").await;
        let is_refused = matches!(&answer, Err(TriggerError::FromWithin(name)) if *name == "audit");
        let line = format!("{hook}: {is_refused}");
        self.told.lock().unwrap().push(line);
    }
}

impl Queue for Selfish {
    type Item = u64;

    fn intake(&self) -> &Intake<u64> {
        &self.intake
    }

    async fn startup(&self, cx: &Context) -> Result {
        self.ask("startup", cx).await;
        let (cx, told) = (cx.clone(), self.told.clone());
        cx.clone().spawn(async move {
            let answer = cx.handle().trigger("audit").await;
            told.lock()
                .unwrap()
                .push(format!("task: {}", answer.is_ok()));
            Ok(())
        });
        Ok(())
    }

    async fn flush(&self, _: &[u64], cx: &Context) -> Result {
        self.ask("flush", cx).await;
        Ok(())
    }

    async fn drain(&self, cx: &Context) -> Result {
        self.ask("drain", cx).await;
        Ok(())
    }
}

#[test]
fn a_hook_that_asks_for_a_flush_of_its_own_service_is_told_at_once() {
    paused(async {
        let (intake, told) = (Intake::bounded(9), Arc::default());
        let selfish = Selfish {
            intake: intake.clone(),
            told: Arc::clone(&told),
        };
        let running = start(registry! { "audit" => selfish });
        running.await_healthy().await.unwrap();
        intake.try_send(1).unwrap();
        tokio::time::sleep(secs(1)).await;
        timeout(secs(5), running.stop())
            .await
            .unwrap()
            .into_result()
            .unwrap();
        let mut told = told.lock().unwrap().clone();
        told.sort_unstable();
        assert_eq!(
            told,
            ["drain: true", "flush: true", "startup: true", "task: true"]
        );
    });
}

#[test]
fn what_newer_items_push_out_is_not_waited_for() {
    paused(async {
        let queue = Gatherer::new(2, 1_000_000, 2).does([takes(millis(100)), nothing()]);
        let running = start(registry! { "audit" => Lossy(queue.clone()) });
        queue.reach(5).await;
        send(&queue, 0..2);
        queue.reach(10).await;
        send(&queue, 2..4);
        let asked = ask_at(20, &running.handle(), &queue).await;
        send(&queue, 4..100);
        let (at, answer) = timeout(secs(10), asked).await.unwrap().unwrap();
        assert_eq!((at, &*answer), (105, "done"));
        running.stop().await.into_result().unwrap();
    });
}

/// Producers, callers, and a stop in between: each call gets an answer, and what was sent before a call that
/// is answered `Ok` is flushed by then.
async fn one_race(seed: u64) {
    let mut rng = fastrand::Rng::with_seed(seed);
    let does = match rng.u8(0..4) {
        0 => vec![nothing(), fails("as scripted"), nothing()],
        _ => vec![nothing()],
    };
    let queue = Gatherer::new(rng.usize(1..20), 1_000_000, 1_000).does(does);
    let running = start(registry! { "audit" => queue.clone() });
    let callers: Vec<_> = (0..4)
        .map(|caller| {
            let (queue, handle, rng) = (queue.clone(), running.handle(), rng.fork());
            tokio::spawn(call(caller, queue, handle, rng))
        })
        .collect();
    running.await_healthy().await.unwrap();
    for _ in 0..rng.u32(0..200) {
        yield_now().await;
    }
    let outcome = running.stop().await;
    for caller in callers {
        caller.await.unwrap();
    }
    let counts = outcome.services()[0].queue.unwrap();
    assert_eq!(counts.lost, 0, "seed {seed}: {outcome}");
    assert_eq!(queue.faults(), [""; 0], "seed {seed}");
}

async fn call(caller: u64, queue: Gatherer, handle: Handle, mut rng: fastrand::Rng) {
    for number in 0..50 {
        let item = caller * 1_000 + number;
        if queue.intake.send(item).await.is_err() {
            return;
        }
        if rng.bool() {
            let answer = timeout(secs(20), handle.trigger("audit")).await;
            if answer.expect("an answer").is_ok() {
                assert!(queue.flushed().contains(&item), "{item}");
            }
        }
    }
}

#[test]
fn each_call_is_answered_and_what_was_sent_before_is_flushed() {
    hush();
    let runtime = threads(4);
    for seed in 0..1_000 {
        runtime.block_on(async move { tokio::spawn(one_race(seed)).await.unwrap() });
    }
}
