//! Every shape in the edition 2021, by a crate that does not depend on `lifecycle` itself, with the attributes of other crates above,
//! below and inside.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::Arc;
use std::time::Duration;

use lifecycle_facade::services;
use services::{
    registry, service, Context, Idle, Intake, Oneshot, Queue, Registry, Result, Scheduled, Worker,
};

type Count = Arc<AtomicU32>;

#[derive(Debug, Clone, serde::Serialize)]
#[service(idle, crate = lifecycle_facade::services)]
#[serde(rename_all = "kebab-case")]
struct Store {
    max_rows: u32,
}

impl Idle for Store {
    #[tracing::instrument(skip_all, fields(rows = self.max_rows))]
    async fn drain(&self, _: &Context) -> Result {
        Ok(())
    }
}

#[service(scheduled(interval = self.every, first = immediate), crate = lifecycle_facade::services)]
#[derive(Debug)]
struct Collector {
    every: Duration,
    ticks: Count,
}

impl Scheduled for Collector {
    #[tracing::instrument(skip_all)]
    async fn tick(&self, _: &Context) -> Result {
        self.ticks.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

#[service(worker, crate = lifecycle_facade::services)]
struct Consumer;

impl Worker for Consumer {
    async fn run(&self, cx: &Context) -> Result {
        cx.stop_channel().closed().await;
        Ok(())
    }
}

#[service(oneshot, crate = lifecycle_facade::services)]
struct Migration(Count);

impl Oneshot for Migration {
    async fn run(&self, _: &Context) -> Result {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

#[service(queue(size = 10, interval = "1s"), crate = lifecycle_facade::services)]
struct Audit {
    // `gen` and `async` are words of the edition that a user of this one may have for names.
    gen: Intake<u32>,
    flushed: Count,
}

impl Queue for Audit {
    type Item = u32;

    fn intake(&self) -> &Intake<u32> {
        &self.gen
    }

    async fn flush(&self, batch: &[u32], _: &Context) -> Result {
        self.flushed
            .fetch_add(batch.iter().sum(), Ordering::Relaxed);
        Ok(())
    }
}

fn application(count: &Count, gen: Intake<u32>) -> Registry {
    let every = Duration::from_secs(1);
    registry! {
        "migration" => Migration(count.clone()),
        "store" => Store { max_rows: 10 }, after = ["migration"], stop_timeout = "5s",
        "collector" => Collector { every, ticks: count.clone() }, after = ["store"],
        "consumer" => Consumer, on_failure = ignore,
        "audit" => Audit { gen, flushed: count.clone() }, after = ["store"],
    }
    .signals(false)
}

#[tokio::test(start_paused = true)]
async fn every_shape_runs_and_stops() {
    let (count, intake) = (Count::default(), Intake::bounded(10));
    let running = application(&count, intake.clone()).start();
    assert!(running.await_healthy().await.is_ok());
    assert!(intake.send(100).await.is_ok());
    tokio::time::sleep(Duration::from_millis(2500)).await;
    let outcome = running.stop().await;
    assert!(outcome.into_result().is_ok());
    let expected = 1 + 3 + 100;
    assert_eq!(
        count.load(Ordering::Relaxed),
        expected,
        "the migration, three ticks, what was sent"
    );
}
