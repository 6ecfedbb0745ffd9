//! Races on real threads: many tries, each with its own seed.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use fastrand::Rng;
use lifecycle::{Context, Registry, Result, Running, Service, State, async_trait};
use lifecycle_tests::{
    Act, Alive, Hook, Journal, Moves, fails, hush, nothing, panics, spawns, start, threads,
    until_stopped, yields,
};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// Lets others run fewer than `limit` times.
fn turns(rng: &mut Rng, limit: u64) -> Hook {
    (0..rng.u64(..limit)).fold(nothing(), |hook, _| hook.then(yields()))
}

/// Runs the test on four threads.
fn on_threads(test: impl Future<Output = ()>) {
    threads(4).block_on(test);
}

/// A task is counted for a moment after whoever awaited it goes on.
async fn no_task_is_left(before: usize) {
    let began = Instant::now();
    while Handle::current().metrics().num_alive_tasks() > before {
        assert!(began.elapsed() < Duration::from_secs(5), "tasks are left");
        tokio::task::yield_now().await;
    }
}

/// Holds the start back until everybody looks.
struct Barrier(Arc<Semaphore>);

#[async_trait]
impl Service for Barrier {
    async fn start(&self, cx: &Context) -> Result {
        let _ = self.0.acquire().await?;
        cx.ready();
        cx.stop_channel().closed().await;
        Ok(())
    }

    async fn stop(&self, _: &Context) -> Result {
        Ok(())
    }
}

#[test]
fn an_immediate_failure_never_shows_as_running_in_10000_tries() {
    hush();
    on_threads(async {
        for seed in 1..=1_250 {
            let tries: Vec<_> = (0..8)
                .map(|place| tokio::spawn(fail_at_once(seed * 8 + place)))
                .collect();
            for done in tries {
                done.await.unwrap();
            }
        }
    });
}

async fn fail_at_once(number: u64) {
    let mut rng = Rng::with_seed(number);
    let journal = Journal::new();
    let end = match rng.u64(..3) {
        0 => fails("as scripted"),
        1 => panics("as scripted"),
        _ => nothing(),
    };
    let startup = turns(&mut rng, 3);
    let barrier = Arc::new(Semaphore::new(0));
    let builder = Registry::builder().service("barrier", Barrier(barrier.clone()));
    let builder = if rng.u64(..2) == 0 {
        builder.service("a", journal.script().startup(startup).run(end).worker())
    } else {
        let run = startup.then(Act::Ready).then(end);
        builder.service("a", journal.script().run(run).custom())
    };
    let builder = builder.after(["barrier"]);
    let builder = builder.service("b", journal.script().idle()).after(["a"]);
    let running = start(builder.build().unwrap());
    let handle = running.handle();
    let moves = Moves::watch(&handle);
    barrier.add_permits(1);

    running.wait().await;
    assert!(!handle.is_healthy());
    let outcome = running.stop().await;
    let legal = [State::Waiting, State::Starting, State::Failed];
    let states = moves.of("a").await;
    assert!(legal.ends_with(&states), "try {number}: {states:?}");
    assert_eq!(journal.of("b"), [""; 0], "try {number}");
    assert_eq!(outcome.exit_code(), 1, "try {number}");
}

/// A chain and a fan of all shapes, with a random number of turns in each hook.
fn random_services(rng: &mut Rng, journal: &Journal) -> Running {
    let mut builder = Registry::builder();
    for number in 0..8 {
        let run = turns(rng, 6).then(until_stopped()).then(turns(rng, 4));
        let task = turns(rng, 4).then(until_stopped()).then(turns(rng, 4));
        let startup = turns(rng, 6).then(spawns(task));
        let script = journal.script().startup(startup).drain(turns(rng, 4));
        let every = Duration::from_micros(1 + rng.u64(..200));
        let tick = turns(rng, 4);
        let name = format!("s-{number}");
        builder = match rng.u64(..4) {
            0 => builder.service(name, script.idle()),
            1 => builder.service(name, script.tick(tick).scheduled(every)),
            2 => builder.service(name, script.run(turns(rng, 6)).oneshot()),
            _ => builder.service(name, script.run(run).worker()),
        };
        if number > 0 && rng.u64(..3) > 0 {
            builder = builder.after([format!("s-{}", rng.u64(..number))]);
        }
    }
    start(builder.build().unwrap())
}

#[test]
fn a_stop_at_any_moment_drains_what_started_up_and_leaves_no_task() {
    on_threads(async {
        let before = Handle::current().metrics().num_alive_tasks();
        for number in 1..=6_000 {
            let mut rng = Rng::with_seed(number);
            let journal = Journal::new();
            let running = random_services(&mut rng, &journal);
            for _ in 0..rng.u64(..60) {
                tokio::task::yield_now().await;
            }
            let outcome = running.stop().await;
            assert_eq!(outcome.exit_code(), 0, "try {number}: {outcome}");
            check_drains(number, &journal);
            no_task_is_left(before).await;
        }
    });
}

fn check_drains(number: u64, journal: &Journal) {
    let all = journal.all();
    for service in (0..8).map(|number| format!("s-{number}")) {
        let count = |part: &str| {
            all.iter()
                .filter(|line| **line == format!("{service}: {part}"))
                .count()
        };
        let place = |part: &str| {
            all.iter()
                .rposition(|line| *line == format!("{service}: {part}"))
        };
        assert!(count("startup done") <= 1, "try {number}: {all:#?}");
        assert_eq!(
            count("startup done"),
            count("drain done"),
            "try {number}: {all:#?}"
        );
        assert_eq!(
            count("drain"),
            count("drain done"),
            "try {number}: {all:#?}"
        );
        if let Some(drain) = place("drain") {
            for other in ["run done", "task done"] {
                assert!(place(other) < Some(drain), "try {number}: {all:#?}");
            }
            let later = all[drain..]
                .iter()
                .filter(|line| line.starts_with(&format!("{service}:")));
            assert_eq!(
                later.count(),
                2,
                "nothing but the drain: try {number}: {all:#?}"
            );
        }
    }
}

#[test]
fn requests_from_many_threads_are_one_request() {
    on_threads(async {
        for number in 1..=3_000 {
            let mut rng = Rng::with_seed(number);
            let journal = Journal::new();
            let running = random_services(&mut rng, &journal);
            let handle = running.handle();
            let askers: Vec<_> = (0..8)
                .map(|_| {
                    let (handle, turns) = (handle.clone(), rng.u64(..20));
                    tokio::spawn(async move {
                        for _ in 0..turns {
                            tokio::task::yield_now().await;
                        }
                        handle.shutdown();
                        assert!(!handle.is_healthy());
                        handle.wait().await.to_string()
                    })
                })
                .collect();
            let reason = running.wait().await.to_string();
            assert_eq!(running.stop().await.exit_code(), 0);
            for asker in askers {
                assert_eq!(asker.await.unwrap(), reason);
            }
            check_drains(number, &journal);
        }
    });
}

/// Hands its context out.
struct Lender(std::sync::mpsc::Sender<Context>);

#[async_trait]
impl Service for Lender {
    async fn start(&self, cx: &Context) -> Result {
        self.0.send(cx.clone())?;
        cx.ready();
        cx.stop_channel().closed().await;
        Ok(())
    }

    async fn stop(&self, _: &Context) -> Result {
        Ok(())
    }
}

#[test]
fn tasks_spawned_while_the_service_goes_down_are_gone_when_it_is_down() {
    on_threads(async {
        for number in 1..=3_000 {
            let (lend, borrow) = std::sync::mpsc::channel();
            let registry = Registry::builder().service("a", Lender(lend)).build();
            let running = start(registry.unwrap());
            running.await_healthy().await.unwrap();
            let cx = borrow.recv().unwrap();
            let alive = Arc::new(AtomicUsize::new(0));
            let spawner = std::thread::spawn({
                let alive = alive.clone();
                move || {
                    for _ in 0..200 {
                        let (guard, stop) = (Alive::new(&alive), cx.stop_channel());
                        cx.spawn(async move {
                            let _guard = guard;
                            stop.closed().await;
                            Ok(())
                        });
                    }
                }
            });
            let mut rng = Rng::with_seed(number);
            for _ in 0..rng.u64(..50) {
                tokio::task::yield_now().await;
            }
            running.stop().await.into_result().unwrap();
            spawner.join().unwrap();
            assert_eq!(alive.load(Ordering::SeqCst), 0, "try {number}");
        }
    });
}

#[test]
fn a_running_that_is_dropped_at_any_moment_stops_in_the_background() {
    on_threads(async {
        let before = Handle::current().metrics().num_alive_tasks();
        for number in 1..=3_000 {
            let mut rng = Rng::with_seed(number);
            let journal = Journal::new();
            let running = random_services(&mut rng, &journal);
            let moves = Moves::watch(&running.handle());
            for _ in 0..rng.u64(..40) {
                tokio::task::yield_now().await;
            }
            drop(running);
            moves.all().await;
            check_drains(number, &journal);
            no_task_is_left(before).await;
        }
    });
}

#[test]
fn the_failure_of_a_task_is_seen_whenever_another_thread_has_started_it() {
    hush();
    on_threads(async {
        for number in 1..=1_000 {
            let (lend, borrow) = std::sync::mpsc::channel();
            let registry = Registry::builder().service("a", Lender(lend)).build();
            let running = start(registry.unwrap());
            running.await_healthy().await.unwrap();
            let cx = borrow.recv().unwrap();
            std::thread::spawn(move || {
                let mut rng = Rng::with_seed(number);
                // Each finds the service with or without a task, about to sleep or not.
                for _ in 0..100 {
                    cx.spawn(async { Ok(()) });
                    for _ in 0..rng.u64(..1_000) {
                        std::hint::spin_loop();
                    }
                }
                cx.spawn(async { Err("as scripted".into()) });
            });
            let seen = timeout(Duration::from_secs(30), running.wait()).await;
            assert!(seen.is_ok(), "try {number}");
            assert_eq!(running.stop().await.failures().len(), 1, "try {number}");
        }
    });
}
