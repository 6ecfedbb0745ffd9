//! The hook `drain` of a queue: after the last flush, once for each completed startup, whatever came before.
//!
//! Of the kind are a stop with items and without, attempts that are used up, a flush that panics in the loop
//! or in the drain, flushes that fail or hang to the end of their time, a startup that fails, a deadline that
//! moves closer, and a hook that fails, panics or hangs itself.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use lifecycle::{
    Context, Fault, Intake, Outcome, Phase, Queue, Result, Running, registry, service,
};
use lifecycle_tests::queue::Gatherer;
use lifecycle_tests::{
    Hook, Journal, fails, hangs, millis, nothing, panics, paused, secs, start, takes,
};
use tokio::time::{Instant, sleep};

/// When a `drain` was called, how many flushes had begun by then, and how many milliseconds it was told to have.
type Drain = (u64, usize, Option<u128>);

/// A queue that notes its drains, and how much time its flushes were told to have.
#[derive(Clone)]
#[service(queue(size = self.queue.size(), interval = self.queue.interval()))]
struct Closing {
    queue: Gatherer,
    does: Hook,
    journal: Journal,
    drains: Arc<Mutex<Vec<Drain>>>,
    left: Arc<Mutex<Vec<Option<u128>>>>,
}

impl Closing {
    fn new(queue: &Gatherer, does: Hook) -> Self {
        Self {
            queue: queue.clone(),
            does,
            journal: Journal::new(),
            drains: Arc::default(),
            left: Arc::default(),
        }
    }

    fn drains(&self) -> Vec<Drain> {
        self.drains.lock().unwrap().clone()
    }
}

fn left(cx: &Context) -> Option<u128> {
    let deadline = cx.deadline()?;
    Some(
        deadline
            .saturating_duration_since(Instant::now())
            .as_millis(),
    )
}

impl Queue for Closing {
    type Item = u64;

    fn intake(&self) -> &Intake<u64> {
        &self.queue.intake
    }

    async fn startup(&self, cx: &Context) -> Result {
        Queue::startup(&self.queue, cx).await
    }

    async fn flush(&self, batch: &[u64], cx: &Context) -> Result {
        self.left.lock().unwrap().push(left(cx));
        Queue::flush(&self.queue, batch, cx).await
    }

    async fn drain(&self, cx: &Context) -> Result {
        let seen = (self.queue.now(), self.queue.flushes().len(), left(cx));
        self.drains.lock().unwrap().push(seen);
        self.does.perform("drain", cx, &self.journal).await
    }
}

async fn filled(closing: &Closing, items: &[u64]) -> Running {
    let running = start(registry! { "audit" => closing.clone(), stop_timeout = "4s" });
    running.await_healthy().await.unwrap();
    for item in items {
        closing.queue.intake.try_send(*item).unwrap();
    }
    running
}

fn lost(outcome: &Outcome) -> (u64, u64) {
    let queue = outcome.services()[0].queue.unwrap();
    (queue.flushed, queue.lost)
}

#[test]
fn it_runs_once_after_the_last_flush() {
    for items in [&[][..], &[1], &[1, 2, 3, 4, 5]] {
        paused(async {
            let queue = Gatherer::new(2, 1_000_000, 100).does([takes(millis(10))]);
            let closing = Closing::new(&queue, takes(millis(30)));
            let running = filled(&closing, items).await;
            let outcome = running.stop().await;
            assert_eq!(queue.flushed(), items);
            let (ended, flushes) = (queue.now(), queue.flushes().len());
            assert_eq!(closing.drains().len(), 1);
            let (at, before, _) = closing.drains()[0];
            assert_eq!((at + 30, before), (ended, flushes));
            outcome.into_result().unwrap();
        });
    }
}

#[test]
fn it_runs_for_a_completed_startup_only() {
    for startup in [fails("no table"), hangs(), panics("as scripted")] {
        paused(async {
            let queue = Gatherer::new(2, 50, 100).startup(startup);
            let closing = Closing::new(&queue, nothing());
            let running = start(registry! { "audit" => closing.clone() });
            queue.intake.try_send(1).unwrap();
            queue.reach(100).await;
            let outcome = running.stop().await;
            assert_eq!(closing.drains(), []);
            assert_eq!(lost(&outcome), (0, 1));
        });
    }
}

#[test]
fn it_runs_after_a_failure_of_the_loop() {
    let no = || fails("no connection");
    let used_up = vec![no(), no(), no(), no(), no(), nothing()];
    for does in [used_up, vec![panics("as scripted"), nothing()]] {
        paused(async {
            let queue = Gatherer::new(1, 50, 100).does(does);
            let closing = Closing::new(&queue, nothing());
            let running = filled(&closing, &[7]).await;
            running.wait().await;
            let outcome = running.stop().await;
            assert_eq!(outcome.failures().len(), 1, "{outcome}");
            assert_eq!(outcome.failures()[0].phase(), Phase::Flush);
            assert_eq!(queue.flushed(), [7]);
            let flushes = queue.flushes().len();
            assert_eq!(
                closing
                    .drains()
                    .iter()
                    .map(|drain| drain.1)
                    .collect::<Vec<_>>(),
                [flushes]
            );
        });
    }
}

#[test]
fn what_is_lost_and_what_it_fails_with_are_both_told() {
    paused(async {
        let queue = Gatherer::new(1, 1_000_000, 100).does([nothing(), fails("away")]);
        let closing = Closing::new(&queue, fails("no goodbye"));
        let running = filled(&closing, &[1, 2, 3]).await;
        let outcome = running.stop().await;
        assert_eq!(lost(&outcome).1, 2, "{outcome}");
        let told: Vec<_> = outcome.failures().iter().map(ToString::to_string).collect();
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(
            told[0].ends_with("failed in drain: 2 accepted items were not flushed: away"),
            "{told:?}"
        );
        assert!(told[1].ends_with("failed in drain: no goodbye"), "{told:?}");
        let (at, _, left) = closing.drains()[0];
        assert!((2_980..=3_000).contains(&at), "three quarters of 4 s: {at}");
        assert!(left.unwrap() >= 1_000);
        assert!(outcome.laggards().is_empty(), "{outcome}");
    });
}

#[test]
fn it_runs_though_a_flush_of_the_drain_hangs() {
    paused(async {
        let queue = Gatherer::new(1, 1_000_000, 100).does([nothing(), hangs()]);
        let closing = Closing::new(&queue, takes(millis(100)));
        let running = filled(&closing, &[]).await;
        queue.intake.try_send(1).unwrap();
        queue.reach(10).await;
        queue.intake.try_send(2).unwrap();
        queue.intake.try_send(3).unwrap();
        let began = queue.now();
        let outcome = running.stop().await;
        // The first hangs in the loop up to three quarters, and once more in the drain.
        let at = closing.drains()[0].0 - began;
        let drain_began = queue.flushes().last().unwrap().at - began;
        assert!((1..=3_000).contains(&drain_began), "{drain_began}");
        assert_eq!(at, drain_began + (4_000 - drain_began) * 3 / 4);
        assert_eq!(closing.drains().len(), 1);
        assert_eq!(lost(&outcome), (1, 2), "{outcome}");
        let phases: Vec<_> = outcome.laggards().iter().map(|late| late.phase).collect();
        assert!(phases.contains(&Phase::Drain), "{outcome}");
        assert_eq!(queue.now() - began, at + 100, "no longer than that");
    });
}

#[test]
fn a_flush_is_told_the_end_of_its_share_and_the_hook_the_end_of_all() {
    paused(async {
        let queue = Gatherer::new(1, 1_000_000, 100).does([nothing(), takes(millis(400))]);
        let closing = Closing::new(&queue, nothing());
        let running = filled(&closing, &[1]).await;
        queue.reach(10).await;
        let wide = queue.clone();
        wide.turn(10, 1_000_000);
        for item in 2..5 {
            queue.intake.try_send(item).unwrap();
        }
        queue.reach(20).await;
        running.stop().await.into_result().unwrap();
        let told = closing.left.lock().unwrap().clone();
        assert_eq!(told.last().unwrap().unwrap(), 3_000, "{told:?}");
        assert_eq!(closing.drains()[0].2, Some(3_600));
    });
}

#[test]
fn it_runs_though_a_flush_of_the_drain_panics() {
    paused(async {
        let queue = Gatherer::new(1, 1_000_000, 100).rule(|batch, _| match batch[0] {
            0 => Some(takes(millis(10))),
            13 => Some(panics("as scripted")),
            _ => None,
        });
        let closing = Closing::new(&queue, nothing());
        let running = filled(&closing, &[0, 13, 1]).await;
        queue.reach(5).await;
        let outcome = running.stop().await;
        assert_eq!(lost(&outcome), (2, 1), "{outcome}");
        assert_eq!(closing.drains().len(), 1);
        assert_eq!(outcome.failures().len(), 2, "{outcome}");
    });
}

#[test]
fn its_own_failures_are_those_of_a_drain() {
    paused(async {
        let closing = Closing::new(&Gatherer::new(1, 50, 10), panics("as scripted"));
        let outcome = filled(&closing, &[1]).await.stop().await;
        assert!(matches!(outcome.failures()[0].fault(), Fault::Panic(_)));
        assert_eq!(outcome.failures()[0].phase(), Phase::Drain);
        assert_eq!(lost(&outcome), (1, 0));
    });
    paused(async {
        let closing = Closing::new(&Gatherer::new(1, 50, 10), hangs());
        let outcome = filled(&closing, &[1]).await.stop().await;
        assert_eq!(outcome.laggards()[0].phase, Phase::Drain);
        assert_eq!(closing.queue.now(), 4_000);
        assert_eq!(lost(&outcome), (1, 0));
    });
}

#[test]
fn with_no_time_at_all_it_is_called_as_well() {
    paused(async {
        let queue = Gatherer::new(1, 1_000_000, 100).does([hangs()]);
        let closing = Closing::new(&queue, nothing());
        let running =
            start(registry! { "audit" => closing.clone(), stop_timeout = Duration::ZERO });
        running.await_healthy().await.unwrap();
        for item in 0..3 {
            queue.intake.try_send(item).unwrap();
        }
        let outcome = running.stop().await;
        assert_eq!(closing.drains().len(), 1, "{outcome}");
        assert_eq!(lost(&outcome), (0, 3));
        assert_eq!(queue.now(), 0);
    });
}

#[test]
fn without_a_deadline_the_flushes_have_all_the_time() {
    paused(async {
        let queue = Gatherer::new(1, 1_000_000, 100).does([nothing(), takes(secs(10_000))]);
        let closing = Closing::new(&queue, nothing());
        let running = start(registry! {
            deadline = Duration::MAX,
            "audit" => closing.clone(), stop_timeout = Duration::MAX,
        });
        running.await_healthy().await.unwrap();
        queue.intake.try_send(1).unwrap();
        queue.reach(10).await;
        queue.intake.try_send(2).unwrap();
        queue.intake.try_send(3).unwrap();
        running.stop().await.into_result().unwrap();
        assert_eq!(queue.flushed(), [1, 2, 3]);
        assert_eq!(closing.drains().len(), 1);
    });
}

#[test]
fn a_share_that_becomes_shorter_while_a_flush_hangs_is_kept() {
    paused(async {
        let no = || fails("away");
        let queue = Gatherer::new(1, 50, 100).does([no(), no(), no(), no(), no(), hangs()]);
        let closing = Closing::new(&queue, nothing());
        let journal = Journal::new();
        let running = start(registry! {
            deadline = "2s",
            "audit" => closing.clone(), on_failure = ignore, stop_timeout = "1000s",
            "other" => journal.script().idle(),
        });
        queue.intake.send(1).await.unwrap();
        while queue.flushes().len() < 6 {
            sleep(millis(10)).await;
        }
        sleep(secs(1)).await;
        let asked = queue.now();
        let outcome = running.stop().await;
        assert_eq!(closing.drains().len(), 1, "{outcome}");
        assert!(
            closing.drains()[0].0 < asked + 2_000,
            "{:?}",
            closing.drains()
        );
        assert_eq!(lost(&outcome).1, 1);
        assert!(queue.now() <= asked + 2_000);
    });
}
