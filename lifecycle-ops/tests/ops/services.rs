//! Services that do what the test says.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use lifecycle::{Context, Idle, Result, Running, Scheduled, Worker, service};
use tokio::sync::Notify;
use tokio::time::sleep;

#[service(idle)]
pub(crate) struct Plain;

impl Idle for Plain {}

/// Starts when it is let, and takes a while to drain.
#[service(idle)]
#[derive(Default)]
pub(crate) struct Slow {
    pub(crate) go: Arc<Notify>,
    pub(crate) drain: Duration,
}

impl Idle for Slow {
    async fn startup(&self, _: &Context) -> Result {
        self.go.notified().await;
        Ok(())
    }

    async fn drain(&self, _: &Context) -> Result {
        sleep(self.drain).await;
        Ok(())
    }
}

/// Fails when it is told.
#[service(worker)]
#[derive(Default)]
pub(crate) struct Fragile {
    pub(crate) fail: Arc<Notify>,
}

impl Worker for Fragile {
    async fn run(&self, cx: &Context) -> Result {
        tokio::select! {
            () = cx.stop_channel() => Ok(()),
            () = self.fail.notified() => Err("the secret password is swordfish".into()),
        }
    }
}

/// Every third tick fails.
#[service(scheduled(interval = "1m"))]
#[derive(Default)]
pub(crate) struct Ticking {
    pub(crate) ticks: Arc<AtomicU32>,
    pub(crate) takes: Duration,
}

impl Scheduled for Ticking {
    async fn tick(&self, _: &Context) -> Result {
        sleep(self.takes).await;
        match self.ticks.fetch_add(1, Ordering::Relaxed) % 3 {
            2 => Err("the third".into()),
            _ => Ok(()),
        }
    }
}

/// Counts its reloads, which fail when they are told.
#[service(idle)]
#[derive(Default)]
pub(crate) struct Reloading {
    pub(crate) reloads: Arc<AtomicU32>,
    pub(crate) fails: Arc<AtomicBool>,
}

impl Idle for Reloading {
    async fn reload(&self, _: &Context) -> Result {
        self.reloads.fetch_add(1, Ordering::Relaxed);
        if self.fails.load(Ordering::Relaxed) {
            return Err("line 3 is wrong".into());
        }
        Ok(())
    }
}

pub(crate) async fn stopped(running: Running) {
    running.stop().await.into_result().unwrap();
}
