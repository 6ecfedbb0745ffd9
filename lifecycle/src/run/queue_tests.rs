//! A queue that is restarted: its intake stays open, and each accepted item is flushed or counted lost, once.
//!
//! Of the kind are items that wait as the run ends and that come between two runs, a batch that has failed or
//! panicked, a flush that hangs, a producer that waits for room, a stop at any instant of the restart, a second
//! startup that fails, an intake that is made anew, and all of it at once on real threads.

use std::collections::VecDeque;
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use tokio::task::yield_now;
use tokio::time::{sleep, timeout};

use crate::report::error::Result;
use crate::report::outcome::Outcome;
use crate::report::status::{QueueStatus, State};
use crate::run::running::Running;
use crate::shape::service::Service;
use crate::shape::{Declared, Queue, QueueService, QueueShape};
use crate::shared::context::Context;
use crate::shared::runner_news::RunnerNews;
use crate::{Handle, Intake, Registry};

const fn millis(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// What a hook does.
#[derive(Clone, Copy)]
enum Act {
    Take(u64),
    Fail,
    Panic,
    Hang,
}

impl Act {
    async fn act(act: Option<Self>) -> Result {
        match act {
            None => {}
            Some(Self::Take(milliseconds)) => sleep(millis(milliseconds)).await,
            Some(Self::Fail) => return Err("away".into()),
            Some(Self::Panic) => std::panic::panic_any("as scripted"),
            Some(Self::Hang) => pending().await,
        }
        Ok(())
    }
}

#[derive(Default)]
struct Seen {
    flushed: Vec<u64>,
    /// The batches of all flushes, in order.
    begun: Vec<Vec<u64>>,
    startups: VecDeque<Act>,
    flushes: VecDeque<Act>,
    drains: usize,
}

#[derive(Clone)]
struct Sink {
    intake: Intake<u64>,
    size: usize,
    seen: Arc<Mutex<Seen>>,
}

impl Sink {
    fn new(size: usize, capacity: usize) -> Self {
        Self {
            intake: Intake::bounded(capacity),
            size,
            seen: Arc::default(),
        }
    }

    fn does(self, acts: impl IntoIterator<Item = Act>) -> Self {
        self.seen().flushes.extend(acts);
        self
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap()
    }

    fn send(&self, items: impl IntoIterator<Item = u64>) {
        for item in items {
            self.intake.try_send(item).unwrap();
        }
    }
}

impl Declared for Sink {
    type Shape = QueueShape;
}

impl QueueService for Sink {
    const INTERVAL: &'static str = "1h";

    fn size(&self) -> usize {
        self.size
    }

    fn interval(&self) -> Duration {
        Duration::from_secs(3600)
    }
}

impl Queue for Sink {
    type Item = u64;

    fn intake(&self) -> &Intake<u64> {
        &self.intake
    }

    async fn startup(&self, _: &Context) -> Result {
        let act = self.seen().startups.pop_front();
        Act::act(act).await
    }

    async fn flush(&self, batch: &[u64], _: &Context) -> Result {
        let act = self.seen().flushes.pop_front();
        self.seen().begun.push(batch.to_vec());
        Act::act(act).await?;
        self.seen().flushed.extend(batch);
        Ok(())
    }

    async fn drain(&self, _: &Context) -> Result {
        self.seen().drains += 1;
        Ok(())
    }
}

async fn started(service: impl Service) -> Running {
    let registry = Registry::builder().service("sink", service).build();
    let running = registry.unwrap().signals(false).start();
    running.await_healthy().await.unwrap();
    running
}

fn restart(running: &Running, wait: Duration) {
    running.application().report(0, RunnerNews::Restart(wait));
}

async fn reaches(handle: &Handle, state: State) {
    while handle.states()[0].state != state {
        sleep(millis(1)).await;
    }
}

fn counts(handle: &Handle) -> QueueStatus {
    handle.states()[0].queue.unwrap()
}

fn end(outcome: &Outcome) -> (u64, u64, u64) {
    let queue = outcome.services[0].queue.unwrap();
    (queue.flushed, queue.lost, queue.depth)
}

#[tokio::test(start_paused = true)]
async fn items_wait_between_two_runs_and_none_is_lost() {
    let sink = Sink::new(100, 4);
    let running = started(sink.clone()).await;
    for run in 1..4 {
        let first = run * 10;
        sink.send(first..first + 3);
        restart(&running, millis(5000));
        reaches(&running.handle(), State::Backoff).await;
        assert_eq!(sink.seen().drains as u64, run, "its hook runs in each run");
        assert_eq!(sink.seen().flushed.len() as u64, (run - 1) * 8 + 3);
        sink.send(first + 3..first + 7);
        let waiting = tokio::spawn({
            let intake = sink.intake.clone();
            async move { intake.send(first + 7).await }
        });
        sleep(millis(1)).await;
        assert!(
            !waiting.is_finished(),
            "there is no room, and it is not refused"
        );
        assert_eq!(counts(&running.handle()).depth, 4);
        running.await_healthy().await.unwrap();
        waiting.await.unwrap().unwrap();
        running.handle().trigger("sink").await.unwrap();
    }
    let outcome = running.stop().await;
    assert_eq!(end(&outcome), (24, 0, 0), "{outcome}");
    let all: Vec<u64> = (1..4).flat_map(|run| run * 10..run * 10 + 8).collect();
    assert_eq!(sink.seen().flushed, all);
    assert!(sink.intake.is_closed());
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_failed_waits_for_the_next_run_and_comes_first_and_alone() {
    for act in [Act::Fail, Act::Take(100_000)] {
        let sink = Sink::new(2, 100).does([act, Act::Fail]);
        let running = started(sink.clone()).await;
        sink.send([1, 2, 3, 4, 5]);
        if matches!(act, Act::Take(_)) {
            // It fails in the drain.
            sink.seen().flushes.clear();
            sink.seen().flushes.push_back(Act::Fail);
        } else {
            sleep(millis(10)).await;
        }
        restart(&running, millis(500));
        reaches(&running.handle(), State::Backoff).await;
        assert_eq!(
            sink.seen().begun,
            [[1, 2]],
            "not tried again, nor what is behind it"
        );
        assert_eq!(counts(&running.handle()).depth, 5);
        sink.seen().flushes.clear();
        sink.send([6]);
        running.await_healthy().await.unwrap();
        sleep(millis(1000)).await;
        assert_eq!(sink.seen().begun, [[1, 2], [1, 2], [3, 4], [5, 6]]);
        let outcome = running.stop().await;
        assert_eq!(end(&outcome), (6, 0, 0), "{outcome}");
        assert_eq!(outcome.exit_code(), 0, "{outcome}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_was_not_full_is_not_filled_up_by_the_next_run() {
    let sink = Sink::new(3, 100).does([Act::Fail]);
    let running = started(sink.clone()).await;
    sink.send([1]);
    running.handle().trigger("sink").await.unwrap_err();
    restart(&running, millis(50));
    reaches(&running.handle(), State::Backoff).await;
    sink.send([2, 3]);
    running.await_healthy().await.unwrap();
    sleep(millis(10)).await;
    assert_eq!(
        sink.seen().begun,
        [[1], [1]],
        "and does not wait for others"
    );
    running.handle().trigger("sink").await.unwrap();
    assert_eq!(sink.seen().flushed, [1, 2, 3]);
    running.stop().await.into_result().unwrap();
}

#[tokio::test(start_paused = true)]
async fn each_run_has_all_attempts() {
    let sink = Sink::new(1, 100).does([Act::Fail; 6]);
    let running = started(sink.clone()).await;
    sink.send([1]);
    while sink.seen().begun.len() < 4 {
        sleep(millis(1)).await;
    }
    restart(&running, millis(1));
    running.handle().subscribe().recv().await;
    sleep(millis(10_000)).await;
    assert_eq!(sink.seen().begun.len(), 7);
    let outcome = running.stop().await;
    assert_eq!(end(&outcome), (1, 0, 0), "{outcome}");
    assert_eq!(outcome.exit_code(), 0, "{outcome}");
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_a_drain_between_two_runs_fails_nothing() {
    let sink = Sink::new(2, 100).does([Act::Panic]);
    let running = started(sink.clone()).await;
    sink.intake.try_send(1).unwrap();
    yield_now().await;
    restart(&running, millis(500));
    reaches(&running.handle(), State::Backoff).await;
    assert_eq!(sink.seen().begun, [[1]]);
    assert_eq!(counts(&running.handle()).failures, 1);
    running.await_healthy().await.unwrap();
    let outcome = running.stop().await;
    assert_eq!(end(&outcome), (1, 0, 0), "{outcome}");
    assert_eq!(outcome.exit_code(), 0, "{outcome}");
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_late_is_the_last_one_and_its_drain_flushes() {
    let sink = Sink::new(2, 100).does([Act::Hang]);
    let running = started(sink.clone()).await;
    sink.send([1, 2, 3]);
    sleep(millis(10)).await;
    restart(&running, millis(500));
    running.wait().await;
    let outcome = running.stop().await;
    assert_eq!(outcome.laggards.len(), 1, "{outcome}");
    assert_eq!(end(&outcome), (3, 0, 0), "{outcome}");
    assert!(sink.intake.is_closed());
}

#[tokio::test(start_paused = true)]
async fn a_flush_that_hangs_between_two_runs_leaves_its_items_counted() {
    let sink = Sink::new(2, 100).does([Act::Hang]);
    let running = started(sink.clone()).await;
    sink.send([1]);
    yield_now().await;
    restart(&running, millis(500));
    running.wait().await;
    let outcome = running.stop().await;
    assert_eq!(end(&outcome), (0, 1, 0), "{outcome}");
    assert!(sink.intake.is_closed());
    assert_eq!(sink.seen().drains, 1, "it has its share of the time");
}

#[tokio::test(start_paused = true)]
async fn a_stop_at_any_instant_of_a_restart_flushes_or_counts_each_item_once() {
    // 0 to 1000 ms: it flushes; to 3000: it backs off; to 4000: it starts; then it runs.
    for at in (0..50).map(|step| millis(step * 100)) {
        let sink = Sink::new(2, 100).does([Act::Take(500), Act::Take(500)]);
        sink.seen().startups.extend([Act::Take(0), Act::Take(1000)]);
        let running = started(sink.clone()).await;
        sink.send([1]);
        yield_now().await;
        sink.send([2, 3, 4]);
        restart(&running, millis(2000));
        yield_now().await;
        let producer = tokio::spawn({
            let intake = sink.intake.clone();
            async move {
                let mut accepted = 0;
                for item in 5.. {
                    sleep(millis(100)).await;
                    if intake.send(item).await.is_err() {
                        break;
                    }
                    accepted += 1;
                }
                accepted
            }
        });
        sleep(at).await;
        let outcome = timeout(millis(20_000), running.stop()).await.unwrap();
        let accepted: u64 = 4 + producer.await.unwrap();
        let (flushed, lost, depth) = end(&outcome);
        assert_eq!((flushed + lost, depth), (accepted, 0), "{at:?}: {outcome}");
        assert!(
            sink.seen().flushed.iter().copied().eq(1..=flushed),
            "{at:?}"
        );
        assert_eq!(outcome.exit_code(), 0, "{at:?}: {outcome}");
        let in_backoff = (millis(1000)..millis(4000)).contains(&at);
        assert_eq!(lost > 0, in_backoff, "{at:?}: {outcome}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_startup_that_fails_for_good_counts_what_waits() {
    for act in [Act::Fail, Act::Panic] {
        let sink = Sink::new(2, 100);
        sink.seen().startups.extend([Act::Take(0), act]);
        let running = started(sink.clone()).await;
        restart(&running, millis(500));
        reaches(&running.handle(), State::Backoff).await;
        sink.send([1, 2, 3]);
        running.wait().await;
        let outcome = running.stop().await;
        assert_eq!(end(&outcome), (0, 3, 0), "{outcome}");
        assert!(sink.intake.is_closed());
        assert_eq!(sink.seen().drains, 1, "only for a completed startup");
    }
}

/// Forwards what every service has.
struct Around(Sink);

#[async_trait]
impl Service for Around {
    async fn start(&self, cx: &Context) -> Result {
        self.0.start(cx).await
    }

    async fn stop(&self, cx: &Context) -> Result {
        self.0.stop(cx).await
    }
}

#[tokio::test(start_paused = true)]
async fn behind_a_decorator_items_wait_as_well_and_a_stop_in_between_counts_them() {
    let sink = Sink::new(2, 100);
    let running = started(Around(sink.clone())).await;
    for _ in 0..2 {
        restart(&running, millis(500));
        reaches(&running.handle(), State::Backoff).await;
        sink.send([1, 2]);
        running.await_healthy().await.unwrap();
    }
    restart(&running, millis(500));
    reaches(&running.handle(), State::Backoff).await;
    sink.send([3, 4, 5]);
    let outcome = running.stop().await;
    assert_eq!(end(&outcome), (4, 3, 0), "{outcome}");
    assert!(sink.intake.is_closed());
}

/// Makes its queue anew for each run.
struct Anew {
    now: Mutex<Option<Sink>>,
    made: Arc<Mutex<Vec<Sink>>>,
}

#[async_trait]
impl Service for Anew {
    async fn start(&self, cx: &Context) -> Result {
        let sink = Sink::new(2, 100);
        self.made.lock().unwrap().push(sink.clone());
        *self.now.lock().unwrap() = Some(sink.clone());
        sink.start(cx).await
    }

    async fn stop(&self, cx: &Context) -> Result {
        let sink = self.now.lock().unwrap().clone();
        sink.unwrap().stop(cx).await
    }
}

#[tokio::test(start_paused = true)]
async fn an_intake_that_the_next_run_does_not_have_is_closed_and_its_items_are_counted() {
    let made = Arc::new(Mutex::new(Vec::new()));
    let now = Mutex::new(None);
    let running = started(Anew {
        now,
        made: made.clone(),
    })
    .await;
    let of = |run: usize| -> Sink { made.lock().unwrap()[run].clone() };
    of(0).send([1, 2]);
    restart(&running, millis(500));
    reaches(&running.handle(), State::Backoff).await;
    of(0).send([3]);
    running.await_healthy().await.unwrap();
    assert!(of(0).intake.is_closed() && !of(1).intake.is_closed());
    assert_eq!(counts(&running.handle()).lost, 1);
    of(1).send([4]);
    let outcome = running.stop().await;
    assert_eq!(end(&outcome), (3, 1, 0), "{outcome}");
}

/// A registry with the sink in it, as a service.
async fn nested(sink: &Sink) -> Running {
    let inner = Registry::builder().service("audit", sink.clone()).build();
    started(inner.unwrap()).await
}

#[tokio::test(start_paused = true)]
async fn in_a_registry_that_is_restarted_items_wait_as_well() {
    let sink = Sink::new(100, 100);
    let running = nested(&sink).await;
    for run in 0..3 {
        sink.send([run * 10 + 1]);
        restart(&running, millis(5000));
        reaches(&running.handle(), State::Backoff).await;
        assert!(!sink.intake.is_closed());
        sink.send([run * 10 + 2]);
        running.await_healthy().await.unwrap();
        running.handle().trigger("sink/audit").await.unwrap();
    }
    let outcome = running.stop().await;
    assert_eq!(sink.seen().flushed, [1, 2, 11, 12, 21, 22]);
    assert_eq!(outcome.exit_code(), 0, "{outcome}");
    assert!(sink.intake.is_closed());
}

#[tokio::test(start_paused = true)]
async fn a_stop_while_such_a_registry_is_down_counts_what_waits() {
    for at in [millis(500), millis(2000)] {
        let sink = Sink::new(2, 100).does([Act::Fail, Act::Take(1000)]);
        let running = nested(&sink).await;
        sink.send([1, 2]);
        sleep(millis(10)).await;
        restart(&running, millis(5000));
        sleep(at).await;
        sink.send([3]);
        let outcome = running.stop().await;
        let audit = &outcome.services[1];
        assert_eq!(audit.name, "sink/audit");
        let counts = audit.queue.unwrap();
        let lost = counts.lost;
        assert_eq!(counts.flushed + lost, 3, "{at:?}: {outcome}");
        assert!(sink.intake.is_closed());
    }
}

async fn one_race(seed: u64) {
    let mut rng = fastrand::Rng::with_seed(seed);
    let fails = rng.usize(0..3);
    let acts = (0..fails).map(|_| Act::Fail);
    let sink = Sink::new(rng.usize(1..10), rng.usize(1..10)).does(acts);
    let running = started(sink.clone()).await;
    let producers: Vec<_> = (0..4_u64)
        .map(|producer| {
            let intake = sink.intake.clone();
            tokio::spawn(async move {
                let mut accepted = 0;
                for number in 0..200 {
                    if intake.send(producer * 1000 + number).await.is_err() {
                        break;
                    }
                    accepted += 1;
                }
                accepted
            })
        })
        .collect();
    for _ in 0..rng.u8(0..4) {
        for _ in 0..rng.u8(0..100) {
            yield_now().await;
        }
        restart(&running, Duration::from_micros(rng.u64(0..300)));
    }
    for _ in 0..rng.u8(0..100) {
        yield_now().await;
    }
    let outcome = running.stop().await;
    let mut accepted = 0;
    for producer in producers {
        accepted += producer.await.unwrap();
    }
    let (flushed, lost, depth) = end(&outcome);
    assert_eq!(
        (flushed + lost, depth),
        (accepted, 0),
        "seed {seed}: {outcome}"
    );
    let mut items = sink.seen().flushed.clone();
    assert_eq!(items.len() as u64, flushed, "seed {seed}");
    // The last drain tries a batch that fails after the others.
    if fails == 0 {
        for producer in 0..4 {
            let of_it = items.iter().filter(|item| **item / 1000 == producer);
            assert!(of_it.is_sorted(), "seed {seed}: in order");
        }
    }
    items.sort_unstable();
    items.dedup();
    assert_eq!(items.len() as u64, flushed, "seed {seed}: once");
}

#[test]
fn every_accepted_item_is_flushed_once_or_counted_lost_over_all_runs() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_time()
        .build()
        .unwrap();
    for seed in 0..1000 {
        runtime.block_on(async move { tokio::spawn(one_race(seed)).await.unwrap() });
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_queue_in_a_registry_has_accepted_counts_as_lost_when_a_stop_cancels_the_restart() {
    let sink = Sink::new(100, 100);
    let inner = Registry::builder().service("inner", sink.clone()).build();
    let running = started(inner.unwrap()).await;
    restart(&running, millis(5000));
    reaches(&running.handle(), State::Backoff).await;
    sink.send(1..4);
    let outcome = running.stop().await;
    let queue = outcome.services[1].queue.unwrap();
    assert_eq!((queue.lost, queue.depth), (3, 0), "{outcome}");
    assert!(sink.intake.is_closed());
}
