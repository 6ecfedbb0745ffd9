//! The tasks a service owns: started with `cx.spawn`, joined when it stops, cut when they are late.
//!
//! The kinds of mistakes held off here: a cost that grows with how many tasks there were (spans within spans, ended tasks that are
//! kept, one failure of each), a task whose end disturbs the code that started it (a second poll in one turn, an order that is not
//! seen), and tasks that start others while the service is being cut. They may be started from `run`, from a task, from a destructor
//! and from `drain`, on one thread or on several.

use std::future::{Future, pending, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use lifecycle::{Context, OnFailure, Phase, Registry, Result, State, Worker, registry, service};
use lifecycle_tests::{
    Journal, fails, millis, secs, start, state_of, takes, threads, until_stopped,
};
use tokio::runtime::Handle;
use tokio::task::yield_now;
use tokio::time::{sleep, timeout};

/// In each turn it starts two tasks, and lets the others go on once.
struct Spawner {
    turns: AtomicUsize,
    polls: AtomicUsize,
    most_alive: AtomicUsize,
}

#[service(worker)]
struct Spawns(Arc<Spawner>);

impl Worker for Spawns {
    async fn run(&self, cx: &Context) -> Result {
        let Spawner {
            turns,
            polls,
            most_alive,
        } = &*self.0;
        let stop = cx.stop_channel();
        let mut work = Box::pin(async {
            while !stop.is_closed() {
                cx.spawn(async { Ok(()) });
                cx.spawn(async { Ok(()) });
                turns.fetch_add(1, Ordering::Relaxed);
                let alive = Handle::current().metrics().num_alive_tasks();
                most_alive.fetch_max(alive, Ordering::Relaxed);
                yield_now().await;
            }
        });
        poll_fn(|task| {
            polls.fetch_add(1, Ordering::Relaxed);
            work.as_mut().poll(task).map(Ok)
        })
        .await
    }
}

#[test]
fn a_worker_that_starts_tasks_and_yields_has_one_turn_a_wake_and_leaves_none_behind() {
    let spawner = Arc::new(Spawner {
        turns: AtomicUsize::new(0),
        polls: AtomicUsize::new(0),
        most_alive: AtomicUsize::new(0),
    });
    let runtime = threads(0);
    runtime.block_on(async {
        let running = start(registry! { "spawner" => Spawns(spawner.clone()) });
        timeout(secs(20), running.await_healthy())
            .await
            .unwrap()
            .unwrap();
        while spawner.turns.load(Ordering::Relaxed) < 10_000 {
            yield_now().await;
        }
        running.stop().await.into_result().unwrap();
    });
    let [turns, polls, most_alive] = [&spawner.turns, &spawner.polls, &spawner.most_alive]
        .map(|count| count.load(Ordering::Relaxed));
    // The order that it is ready and the one to stop are looks as well.
    assert!(polls <= turns + 8, "{polls} polls for {turns} turns");
    assert!(most_alive < 20, "{most_alive} tasks were there at once");
}

#[service(worker)]
struct Listens(Arc<AtomicUsize>);

impl Worker for Listens {
    async fn run(&self, cx: &Context) -> Result {
        for _ in 0..100 {
            let time = millis(10);
            cx.spawn(async move {
                sleep(time).await;
                Ok(())
            });
        }
        let mut stopped = cx.stop_channel().closed_owned();
        poll_fn(|task| {
            self.0.fetch_add(1, Ordering::Relaxed);
            Pin::new(&mut stopped).poll(task).map(Ok)
        })
        .await
    }
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_task_is_no_reason_to_poll_start() {
    let polls = Arc::default();
    let running = start(registry! { "listens" => Listens(Arc::clone(&polls)) });
    running.await_healthy().await.unwrap();
    let before = polls.load(Ordering::Relaxed);
    sleep(secs(1)).await;
    assert_eq!(polls.load(Ordering::Relaxed), before);
    running.stop().await.into_result().unwrap();
}

/// A task that starts the next one each time, and never ends of itself.
fn endless(cx: Context) -> Pin<Box<dyn Future<Output = Result> + Send>> {
    Box::pin(async move {
        yield_now().await;
        let next = cx.clone();
        cx.spawn(endless(next));
        yield_now().await;
        Ok(())
    })
}

/// Starts a task when it is dropped.
struct SpawnsAtItsEnd(Context, Arc<AtomicBool>);

impl Drop for SpawnsAtItsEnd {
    fn drop(&mut self) {
        let ran = self.1.clone();
        self.0.spawn(async move {
            ran.store(true, Ordering::Relaxed);
            pending().await
        });
    }
}

/// Where a chain of tasks begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum From {
    /// `run`, which returns when it is asked to.
    Run,
    /// `run`, which does not.
    HungRun,
    Drain,
}

#[service(worker)]
struct Hydra {
    journal: Journal,
    from: From,
    width: usize,
}

impl Hydra {
    fn begin(&self, cx: &Context) {
        for _ in 0..self.width {
            cx.spawn(endless(cx.clone()));
        }
    }
}

impl Worker for Hydra {
    async fn run(&self, cx: &Context) -> Result {
        match self.from {
            From::Run => self.begin(cx),
            From::HungRun => {
                self.begin(cx);
                pending::<()>().await;
            }
            From::Drain => {}
        }
        cx.stop_channel().closed().await;
        Ok(())
    }

    async fn drain(&self, cx: &Context) -> Result {
        self.journal.note("drain");
        if self.from == From::Drain {
            self.begin(cx);
        }
        Ok(())
    }
}

#[test]
fn a_chain_of_tasks_does_not_survive_the_cut_and_the_drain_runs() {
    for workers in [1, 3] {
        for (from, phase) in [
            (From::Run, Phase::Task),
            (From::HungRun, Phase::Run),
            (From::Drain, Phase::Task),
        ] {
            let runtime = threads(workers);
            let (journal, width) = (Journal::new(), 8);
            let hydra = Hydra {
                journal: journal.clone(),
                from,
                width,
            };
            let outcome = runtime.block_on(async {
                let registry = registry! {
                    "store" => journal.script().idle(),
                    "hydra" => hydra, after = ["store"], stop_timeout = "400ms",
                };
                let running = start(registry);
                running.await_healthy().await.unwrap();
                running.stop().await
            });
            let late = outcome.laggards();
            assert_eq!(late.len(), 1, "{workers} {from:?}: {outcome}");
            assert_eq!(late[0].phase, phase, "{workers} {from:?}: {outcome}");
            assert_eq!(journal.count("drain"), 1, "{workers} {from:?}: {outcome}");
            assert_eq!(journal.count("store: drain done"), 1);
            // tokio itself forgets a task a moment after its future is gone.
            let began = Instant::now();
            while runtime.metrics().num_alive_tasks() > 0 {
                assert!(began.elapsed() < secs(10), "{workers} {from:?}: {outcome}");
                thread::yield_now();
            }
        }
    }
}

#[service(worker)]
struct LastWill(Journal, Arc<AtomicBool>);

impl Worker for LastWill {
    async fn run(&self, cx: &Context) -> Result {
        let _will = SpawnsAtItsEnd(cx.clone(), self.1.clone());
        let will = SpawnsAtItsEnd(cx.clone(), self.1.clone());
        cx.spawn(async move {
            let _will = will;
            pending().await
        });
        pending().await
    }

    async fn drain(&self, cx: &Context) -> Result {
        let journal = self.0.clone();
        cx.spawn(async move {
            journal.note("task of drain");
            Ok(())
        });
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn destructors_of_what_is_cut_start_nothing_and_the_drain_still_may() {
    let (journal, ran) = (Journal::new(), Arc::default());
    let running = start(registry! {
        "will" => LastWill(journal.clone(), Arc::clone(&ran)), stop_timeout = "4s",
    });
    running.await_healthy().await.unwrap();
    let outcome = running.stop().await;
    assert!(!ran.load(Ordering::Relaxed), "{outcome}");
    assert_eq!(journal.at("task of drain"), secs(3));
    assert_eq!(outcome.laggards().len(), 1, "{outcome}");
    assert_eq!(outcome.laggards()[0].phase, Phase::Run);
}

/// Each fails once it has started the next.
fn failing(cx: Context, left: usize) -> Pin<Box<dyn Future<Output = Result> + Send>> {
    Box::pin(async move {
        if left > 0 {
            cx.spawn(failing(cx.clone(), left - 1));
        }
        Err(format!("{left} were left"))?
    })
}

#[service(worker)]
struct Fails(usize);

impl Worker for Fails {
    async fn run(&self, cx: &Context) -> Result {
        cx.spawn(failing(cx.clone(), self.0 - 1));
        cx.stop_channel().closed().await;
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn of_a_service_that_fails_again_and_again_the_first_failures_are_kept_and_the_rest_counted()
{
    let journal = Journal::new();
    let running = start(registry! {
        "hydra" => Fails(10_000),
        "store" => journal.script().run(until_stopped().then(takes(secs(1))).then(fails("disk full"))).worker(),
    });
    assert_eq!(
        running.wait().await.to_string(),
        "service `hydra` failed in task: 9999 were left"
    );
    let outcome = running.stop().await;
    let of = |name: &str| {
        let failures = outcome.failures().iter();
        failures.filter(|error| *error.service() == *name).count()
    };
    assert_eq!(
        outcome.failures()[0].to_string(),
        outcome.reason().to_string()
    );
    assert_eq!((of("hydra"), of("store")), (16, 1));
    assert_eq!(outcome.omitted_failures(), 9_984);
    let report = outcome.to_string();
    assert!(
        report.contains("\n  service `hydra` failed 9984 more times\n"),
        "{report}"
    );
    assert!(report.lines().count() < 25, "{report}");
}

#[tokio::test(start_paused = true)]
async fn each_service_that_fails_is_told_however_many_there_are() {
    let journal = Journal::new();
    let mut builder = Registry::builder();
    for number in 0..100 {
        builder = builder
            .service(
                format!("s{number}"),
                journal.script().startup(fails("no")).idle(),
            )
            .on_failure(OnFailure::Ignore);
    }
    let running = start(builder.build().unwrap());
    sleep(secs(1)).await;
    assert_eq!(state_of(&running.handle(), "s99"), State::Failed);
    let outcome = running.stop().await;
    assert_eq!(outcome.failures().len(), 100);
    assert_eq!(outcome.omitted_failures(), 0);
}
