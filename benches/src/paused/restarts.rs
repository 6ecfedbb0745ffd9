//! Services that fail again and again, and are restarted after a wait.

use std::time::Duration;

use lifecycle::{Context, Registry, Restart, Result, Worker, service};
use tokio::sync::watch;
use tokio::task::{JoinSet, yield_now};
use tokio::time::sleep;

use crate::contender::{Contender, Ours};
use crate::work::{Begun, Meter, PERIOD, Work};

/// Fails so often, and then goes on.
#[service(worker)]
struct Falling {
    falls: &'static Meter,
    most: u32,
    begun: &'static Begun,
}

impl Worker for Falling {
    async fn run(&self, cx: &Context) -> Result {
        if self.falls.ticks() < self.most.into() {
            self.falls.tick();
            // What fails at once was never up, and is not restarted.
            yield_now().await;
            return Err("fallen".into());
        }
        self.begun.tell();
        cx.stop_channel().closed().await;
        Ok(())
    }
}

/// Restarts by `on_failure = restart`.
pub(super) async fn ours(work: Work, most: u32) {
    let policy = Restart::new().backoff(PERIOD, PERIOD).forever();
    let mut builder = Registry::builder();
    for (name, falls) in work.names.iter().zip(work.meters) {
        let begun = work.begun;
        builder = builder
            .service(*name, Falling { falls, most, begun })
            .on_failure(policy);
    }
    let registry = builder.build().expect("the names are in order");
    let running = Ours::start(registry.signals(false)).await;
    work.begun.all().await;
    Ours::stop(running).await;
}

/// A loop in the service's own task.
pub(super) async fn bare(work: Work, most: u32) {
    let (stop, stopped) = watch::channel(());
    let mut tasks = JoinSet::new();
    for falls in work.meters {
        tasks.spawn(restarted(falls, most, work.begun, stopped.clone()));
    }
    work.begun.all().await;
    stop.send_replace(());
    while tasks.join_next().await.is_some() {}
}

async fn restarted(
    falls: &'static Meter,
    most: u32,
    begun: &'static Begun,
    mut stopped: watch::Receiver<()>,
) {
    while let Err(_error) = run(falls, most, begun, stopped.clone()).await {
        tokio::select! {
            biased;
            _ = stopped.changed() => return,
            () = sleep(wait()) => {}
        }
    }
}

async fn run(
    falls: &'static Meter,
    most: u32,
    begun: &'static Begun,
    mut stopped: watch::Receiver<()>,
) -> Result {
    if falls.ticks() < most.into() {
        falls.tick();
        yield_now().await;
        return Err("fallen".into());
    }
    begun.tell();
    let _ = stopped.changed().await;
    Ok(())
}

/// Up to half less at random, as under `lifecycle`.
fn wait() -> Duration {
    PERIOD.mul_f64(1.0 - fastrand::f64() / 2.0)
}
