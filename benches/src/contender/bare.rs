//! Tokio alone, as somebody would write it who knows it well: a task each, one watch channel to stop
//! them, a set to join them.

use std::pin::pin;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep};

use super::{Contender, ordered};
use crate::work::{Begun, DRAIN, Kind, Meter, PERIOD, Work};

/// See the module.
#[derive(Debug)]
pub struct Bare {
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl Contender for Bare {
    type Assembled = Work;
    type Running = Self;

    const KNOWS_ORDER: bool = true;

    fn assemble(work: Work) -> Work {
        work
    }

    async fn start(work: Work) -> Self {
        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        let alone = if work.after.is_empty() {
            work.names.len()
        } else {
            0
        };
        ordered::spawn(work, &stopped, &mut tasks);
        for index in 0..alone {
            let stopped = stopped.clone();
            match work.kind {
                Kind::Idle => tasks.spawn(idle(work.begun, stopped)),
                Kind::Tick => tasks.spawn(tick(work.begun, stopped, &work.meters[index])),
                Kind::Drain => tasks.spawn(drain(work.begun, stopped)),
            };
        }
        work.begun.all().await;
        Self { stop, tasks }
    }

    async fn stop(mut running: Self) {
        running.stop.send_replace(true);
        while running.tasks.join_next().await.is_some() {}
    }
}

async fn idle(begun: &Begun, mut stopped: watch::Receiver<bool>) {
    begun.tell();
    let _ = stopped.wait_for(|stop| *stop).await;
}

async fn tick(begun: &Begun, mut stopped: watch::Receiver<bool>, meter: &Meter) {
    begun.tell();
    let mut interval = interval_at(Instant::now() + PERIOD, PERIOD);
    interval.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut stopped = pin!(stopped.wait_for(|stop| *stop));
    loop {
        tokio::select! {
            biased;
            _ = &mut stopped => break,
            _ = interval.tick() => meter.tick(),
        }
    }
}

async fn drain(begun: &Begun, mut stopped: watch::Receiver<bool>) {
    begun.tell();
    let _ = stopped.wait_for(|stop| *stop).await;
    sleep(DRAIN).await;
}
