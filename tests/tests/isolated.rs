//! Tasks that are the work for one client, started with `cx.spawn_isolated`: owned and awaited as any other, and harmless.
//!
//! The kinds of mistakes held off here: a client that decides over the service (its error, its panic, its destructor, its silence
//! at the stop), one that is forgotten (work that outlives the service, that runs beside the drain or without its span), a count
//! that drifts, and a log that clients can fill.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use lifecycle::{Context, Handle, IsolatedStatus, Phase, Result, State, Worker, registry, service};
use lifecycle_tests::{Journal, Log, fails, millis, secs, start, state_of, threads};
use tokio::task::yield_now;
use tokio::time::sleep;

/// A server whose clients come as this says.
#[service(worker)]
struct Serves<F>(Journal, F);

impl<F: Fn(&Context) + Send + Sync> Worker for Serves<F> {
    async fn run(&self, cx: &Context) -> Result {
        (self.1)(cx);
        cx.stop_channel().closed().await;
        self.0.note("run returns");
        Ok(())
    }

    async fn drain(&self, _: &Context) -> Result {
        self.0.note("drain");
        Ok(())
    }
}

fn isolated(handle: &Handle, service: &str) -> (u64, u64) {
    let mut states = handle.states().into_iter();
    let found = states.find(|status| *status.name == *service);
    let IsolatedStatus {
        in_flight,
        failures,
        ..
    } = found.unwrap().isolated;
    (in_flight, failures)
}

/// Tells when it is dropped.
struct Guard(Journal, &'static str);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.note(self.1);
    }
}

struct PanicsAtItsEnd;

impl Drop for PanicsAtItsEnd {
    fn drop(&mut self) {
        panic!("torn down badly");
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_a_panic_and_a_destructor_that_panics_are_counted_and_nothing_more() {
    let _log = Log::open();
    let clients = |cx: &Context| {
        cx.spawn_isolated(async {});
        cx.spawn_isolated(async { Ok(()) });
        cx.spawn_isolated(async {
            u8::try_from(256)?;
            Ok(())
        });
        cx.spawn_isolated(async { Err("reset by peer".into()) });
        cx.spawn_isolated(async { panic!("no such route") });
        cx.spawn_isolated(async {
            let _guard = PanicsAtItsEnd;
        });
    };
    let running = start(registry! { "api" => Serves(Journal::new(), clients) });
    running.await_healthy().await.unwrap();
    sleep(secs(1)).await;
    let handle = running.handle();
    assert_eq!(state_of(&handle, "api"), State::Running);
    assert!(handle.is_healthy());
    assert_eq!(isolated(&handle, "api"), (0, 4));
    let outcome = running.stop().await;
    assert_eq!((outcome.exit_code(), outcome.failures().len()), (0, 0));
    let services = outcome.services();
    assert!(services[0].error.is_none());
    assert_eq!(services[0].isolated.failures, 4);
}

#[tokio::test(start_paused = true)]
async fn the_stop_waits_for_them_and_the_drain_comes_after_the_last() {
    let journal = Journal::new();
    let at_end = journal.clone();
    let clients = move |cx: &Context| {
        for time in [1, 2, 3] {
            let journal = at_end.clone();
            cx.spawn_isolated(async move {
                sleep(secs(time)).await;
                journal.note(format!("client {time} served"));
            });
        }
    };
    let running = start(registry! { "api" => Serves(journal.clone(), clients) });
    running.await_healthy().await.unwrap();
    let handle = running.handle();
    assert_eq!(isolated(&handle, "api"), (3, 0));
    sleep(millis(1500)).await;
    assert_eq!(isolated(&handle, "api"), (2, 0));
    let outcome = running.stop().await;
    assert_eq!(outcome.exit_code(), 0, "{outcome}");
    assert_eq!(journal.at("run returns"), millis(1500));
    journal.assert_order(&["client 3 served", "drain"]);
    assert_eq!(journal.at("drain"), secs(3));
    assert_eq!(isolated(&handle, "api"), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn what_is_left_at_three_quarters_is_dropped_without_blame_and_the_drain_runs() {
    let journal = Journal::new();
    let at_end = journal.clone();
    let clients = move |cx: &Context| {
        let guard = Guard(at_end.clone(), "client dropped");
        cx.spawn_isolated(async move {
            let _guard = guard;
            pending::<()>().await;
        });
    };
    let running = start(registry! {
        "store" => journal.script().idle(),
        "api" => Serves(journal.clone(), clients), after = ["store"], stop_timeout = "4s",
    });
    running.await_healthy().await.unwrap();
    let outcome = running.stop().await;
    assert_eq!(outcome.exit_code(), 0, "{outcome}");
    assert!(outcome.laggards().is_empty(), "{outcome}");
    assert!(outcome.failures().is_empty(), "{outcome}");
    assert_eq!(journal.at("client dropped"), secs(3));
    journal.assert_order(&["client dropped", "drain", "store: drain done"]);
    assert_eq!(journal.at("drain"), secs(3));
    assert_eq!(outcome.services()[1].state, State::Stopped);
}

#[tokio::test(start_paused = true)]
async fn a_task_of_the_services_own_beside_them_is_late_as_ever() {
    let clients = |cx: &Context| {
        cx.spawn_isolated(pending::<()>());
        cx.spawn(pending());
    };
    let journal = Journal::new();
    let running = start(registry! {
        "api" => Serves(journal.clone(), clients), stop_timeout = "4s",
    });
    running.await_healthy().await.unwrap();
    let outcome = running.stop().await;
    assert_eq!(outcome.laggards().len(), 1, "{outcome}");
    assert_eq!(outcome.laggards()[0].phase, Phase::Task);
    assert_eq!(journal.at("drain"), secs(3));
}

#[service(worker)]
struct Farewell(Journal);

impl Worker for Farewell {
    async fn run(&self, cx: &Context) -> Result {
        cx.stop_channel().closed().await;
        Ok(())
    }

    async fn drain(&self, cx: &Context) -> Result {
        let (journal, guard) = (self.0.clone(), Guard(self.0.clone(), "dropped"));
        cx.spawn_isolated(async move {
            journal.note("begun");
            let _guard = guard;
            pending::<()>().await;
        });
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn one_of_drain_is_dropped_without_blame_too() {
    let journal = Journal::new();
    let running = start(registry! { "api" => Farewell(journal.clone()), stop_timeout = "4s" });
    running.await_healthy().await.unwrap();
    let outcome = running.stop().await;
    assert_eq!(outcome.exit_code(), 0, "{outcome}");
    assert!(outcome.laggards().is_empty(), "{outcome}");
    assert_eq!(journal.at("begun"), secs(0));
    assert_eq!(journal.at("dropped"), secs(3));
}

/// Starts one more when it is dropped.
struct Another(Context, Arc<AtomicUsize>);

impl Drop for Another {
    fn drop(&mut self) {
        let ran = self.1.clone();
        self.0.spawn_isolated(async move {
            ran.fetch_add(1, Ordering::Relaxed);
            pending::<()>().await;
        });
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_new_starts_once_they_are_dropped_and_that_is_nobodys_fault() {
    let _log = Log::open();
    let ran = Arc::new(AtomicUsize::new(0));
    let count = ran.clone();
    let clients = move |cx: &Context| {
        for _ in 0..3 {
            let another = Another(cx.clone(), count.clone());
            cx.spawn_isolated(async move {
                let _another = another;
                pending::<()>().await;
            });
        }
    };
    let running = start(registry! { "api" => Serves(Journal::new(), clients) });
    running.await_healthy().await.unwrap();
    let handle = running.handle();
    let outcome = running.stop().await;
    assert_eq!(outcome.exit_code(), 0, "{outcome}");
    assert_eq!(ran.load(Ordering::Relaxed), 0);
    assert_eq!(isolated(&handle, "api"), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_service_that_fails_waits_for_its_clients_too() {
    let journal = Journal::new();
    let at_end = journal.clone();
    let clients = move |cx: &Context| {
        let journal = at_end.clone();
        cx.spawn_isolated(async move {
            sleep(secs(2)).await;
            journal.note("client served");
        });
        cx.spawn(async { Err("lost the database".into()) });
    };
    let running = start(registry! {
        "api" => Serves(journal.clone(), clients), on_failure = ignore,
        "web" => journal.script().worker(),
    });
    sleep(secs(5)).await;
    assert_eq!(state_of(&running.handle(), "api"), State::Failed);
    journal.assert_order(&["client served", "drain"]);
    assert_eq!(journal.at("drain"), secs(2));
    assert_eq!(running.stop().await.exit_code(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_error_that_only_tells_of_the_stop_is_none() {
    let clients = |cx: &Context| {
        let handle = cx.handle();
        cx.spawn_isolated(async move {
            handle.await_healthy().await?;
            Ok(())
        });
    };
    let journal = Journal::new();
    let running = start(registry! {
        "api" => Serves(journal.clone(), clients),
        "store" => journal.script().startup(fails("no disk")).idle(), after = ["slow"],
        "slow" => journal.script().startup(lifecycle_tests::hangs()).idle(),
    });
    sleep(secs(1)).await;
    let handle = running.handle();
    let _ = running.stop().await;
    assert_eq!(isolated(&handle, "api"), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_failures_is_counted_and_the_log_stays_short() {
    let log = Log::open();
    let clients = |cx: &Context| {
        let cx = cx.clone();
        cx.clone().spawn(async move {
            for _ in 0..2 {
                for _ in 0..10_000 {
                    cx.spawn_isolated(async { Err("reset by peer".into()) });
                }
                sleep(secs(10)).await;
            }
            Ok(())
        });
    };
    let running = start(registry! { "api" => Serves(Journal::new(), clients) });
    sleep(secs(15)).await;
    assert_eq!(isolated(&running.handle(), "api"), (0, 20_000));
    running.stop().await.into_result().unwrap();
    let lines = log.lines();
    let of = |words: &str| lines.iter().filter(|line| line.contains(words)).count();
    assert_eq!(of("reset by peer"), 32);
    assert_eq!(of("further isolated tasks failed"), 2, "{lines:#?}");
    assert_eq!(of("omitted=9984"), 2, "{lines:#?}");
    let told = log.place(&[
        "WARN",
        "isolated task failed",
        "service=api",
        "reset by peer",
    ]);
    assert!(told < log.place(&["further isolated tasks failed"]));
}

#[tokio::test(start_paused = true)]
async fn they_run_in_the_services_span() {
    let log = Log::open();
    let clients = |cx: &Context| {
        cx.spawn_isolated(async { tracing::info!("client has come") });
    };
    let running = start(registry! { "api" => Serves(Journal::new(), clients) });
    sleep(secs(1)).await;
    running.stop().await.into_result().unwrap();
    let _ = log.place(&["client has come", "name=api"]);
}

/// What `async { loop { .. } }` ends with depends on the edition; both are accepted.
#[tokio::test(start_paused = true)]
async fn one_may_go_on_until_it_is_dropped() {
    let clients = |cx: &Context| {
        cx.spawn_isolated(async {
            loop {
                sleep(secs(1)).await;
            }
        });
    };
    let running = start(registry! { "api" => Serves(Journal::new(), clients) });
    running.await_healthy().await.unwrap();
    assert_eq!(running.stop().await.exit_code(), 0);
}

#[test]
fn on_many_threads_the_count_comes_back_to_zero_whatever_ends_them() {
    for round in 0..300_usize {
        let runtime = threads(1 + round % 3);
        let clients = move |cx: &Context| {
            let cx = cx.clone();
            cx.clone().spawn(async move {
                let stop = cx.stop_channel();
                while !stop.is_closed() {
                    cx.spawn_isolated(async { yield_now().await });
                    cx.spawn_isolated(async {
                        yield_now().await;
                        Err("reset".into())
                    });
                    if round % 2 == 0 {
                        cx.spawn_isolated(pending::<()>());
                    }
                    yield_now().await;
                }
                Ok(())
            });
        };
        let outcome = runtime.block_on(async {
            let running = start(registry! {
                "api" => Serves(Journal::new(), clients), stop_timeout = "8ms",
            });
            running.await_healthy().await.unwrap();
            let handle = running.handle();
            while handle.is_healthy() && isolated(&handle, "api").1 < 10 {
                yield_now().await;
            }
            running.stop().await
        });
        assert_eq!(
            outcome.services()[0].isolated.in_flight,
            0,
            "{round}: {outcome}"
        );
        assert!(outcome.failures().is_empty(), "{round}: {outcome}");
        let began = Instant::now();
        while runtime.metrics().num_alive_tasks() > 0 {
            assert!(began.elapsed() < secs(10), "{round}: {outcome}");
            thread::yield_now();
        }
    }
}
