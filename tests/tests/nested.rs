//! Services that hold what is meant to hold them: a registry in a service, a service that stops its own application, one
//! service under two names.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use lifecycle::{Context, Idle, Intake, Queue, Result, Running, Worker, registry, service};
use lifecycle_tests::{Journal, secs, start, takes};
use tokio::runtime::Builder;
use tokio::task::{block_in_place, spawn_blocking};
use tokio::time::{sleep, timeout};

/// Runs an application of its own, and ends it when it is asked to stop.
#[service(worker)]
struct Tenant(Journal);

impl Worker for Tenant {
    async fn run(&self, cx: &Context) -> Result {
        let stop = cx.stop_channel();
        let inner = registry! {
            "inner-store" => self.0.script().drain(takes(secs(1))).idle(),
            "inner-api" => self.0.script().drain(takes(secs(1))).worker(), after = ["inner-store"],
        };
        let inner = inner
            .signals(false)
            .stop_on(async move { stop.closed().await });
        inner.run().await.into_result()?;
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_registry_in_a_service_stops_before_what_the_service_depends_on() {
    let journal = Journal::new();
    let running = start(registry! {
        "store" => journal.script().idle(),
        "tenant" => Tenant(journal.clone()), after = ["store"],
    });
    running.await_healthy().await.unwrap();
    sleep(secs(1)).await;
    running.stop().await.into_result().unwrap();
    journal.assert_order(&[
        "inner-api: drain done",
        "inner-store: drain",
        "inner-store: drain done",
        "store: drain",
    ]);
    assert_eq!(journal.now(), secs(3));
}

/// What a service is given of the application it is part of.
type Own = Arc<Mutex<Option<Running>>>;

#[service(worker)]
struct StopsItself {
    own: Own,
    drops: bool,
}

impl Worker for StopsItself {
    async fn run(&self, cx: &Context) -> Result {
        sleep(secs(1)).await;
        let own = self
            .own
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if self.drops {
            drop(own);
            cx.stop_channel().closed().await;
        } else if let Some(own) = own {
            // It waits for itself, until it is dropped.
            let _ = own.stop().await;
        }
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_that_stops_or_drops_its_own_application_is_stopped_like_the_others() {
    for (drops, end) in [(true, secs(1)), (false, secs(4))] {
        let journal = Journal::new();
        let own = Own::default();
        let running = start(registry! {
            "store" => journal.script().idle(),
            "self" => StopsItself { own: own.clone(), drops }, after = ["store"], stop_timeout = "4s",
        });
        let handle = running.handle();
        let mut moves = handle.subscribe();
        *own.lock().unwrap() = Some(running);
        let over = async { while moves.recv().await.is_some() {} };
        timeout(secs(60), over).await.unwrap();
        assert_eq!(journal.at("store: drain done"), end);
    }
}

/// Counts how many of its runs are under way.
#[service(worker)]
struct Shared(AtomicUsize);

impl Worker for Shared {
    async fn run(&self, cx: &Context) -> Result {
        self.0.fetch_add(1, Ordering::Relaxed);
        cx.stop_channel().closed().await;
        self.0.fetch_sub(1, Ordering::Relaxed);
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn one_service_under_two_names_lives_twice() {
    let shared = Arc::new(Shared(AtomicUsize::new(0)));
    let running = start(registry! {
        "one" => shared.clone(),
        "two" => shared.clone(), after = ["one"],
    });
    running.await_healthy().await.unwrap();
    assert_eq!(shared.0.load(Ordering::Relaxed), 2);
    running.stop().await.into_result().unwrap();
    assert_eq!(shared.0.load(Ordering::Relaxed), 0);
}

#[service(queue(size = 10, interval = "1s"))]
struct Audit {
    items: Intake<u8>,
    flushed: Arc<AtomicUsize>,
}

impl Queue for Audit {
    type Item = u8;

    fn intake(&self) -> &Intake<u8> {
        &self.items
    }

    async fn flush(&self, batch: &[u8], _: &Context) -> Result {
        self.flushed.fetch_add(batch.len(), Ordering::Relaxed);
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_queue_whose_intake_is_in_use_by_its_dependency_does_not_hold_up_the_stop() {
    let items = Intake::bounded(100);
    let flushed = Arc::default();
    let audit = Arc::new(Audit {
        items: items.clone(),
        flushed: Arc::clone(&flushed),
    });
    let running = start(registry! {
        "one" => audit.clone(),
        "two" => audit.clone(), after = ["one"],
    });
    running.await_healthy().await.unwrap();
    for item in 0..25 {
        items.send(item).await.unwrap();
    }
    let outcome = running.stop().await;
    assert_eq!(outcome.to_string().lines().count(), 2, "{outcome}");
    assert_eq!(outcome.took(), Some(secs(0)));
    assert_eq!(flushed.load(Ordering::Relaxed), 25);
}

/// Lets blocking code see its application, as a request handler may.
#[service(idle)]
struct Blocks;

impl Idle for Blocks {
    async fn startup(&self, cx: &Context) -> Result {
        let handle = cx.handle();
        assert!(!block_in_place(|| handle.is_healthy()));
        assert_eq!(spawn_blocking(move || handle.states().len()).await?, 2);
        Ok(())
    }

    async fn drain(&self, cx: &Context) -> Result {
        let handle = cx.handle();
        let reason = block_in_place(|| {
            let runtime = Builder::new_current_thread().build()?;
            Ok::<_, std::io::Error>(runtime.block_on(handle.wait()))
        });
        assert_eq!(reason?.to_string(), "stop requested");
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hooks_may_leave_their_thread_to_blocking_code_and_to_a_runtime_of_its_own() {
    let journal = Journal::new();
    let running = start(registry! {
        "store" => journal.script().idle(),
        "blocks" => Blocks, after = ["store"],
    });
    running.await_healthy().await.unwrap();
    running.stop().await.into_result().unwrap();
    assert_eq!(journal.count("store: drain done"), 1);
}
