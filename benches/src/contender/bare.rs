//! Tokio alone, as somebody would write it who knows it well: a task each, one watch channel to stop
//! them, a set to join them.

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::{Contender, ordered};
use crate::work::{Begun, DRAIN, Kind, Meter, Work, tick_until};

/// See the module.
#[derive(Debug)]
pub struct Bare {
    stop: watch::Sender<()>,
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
        let (stop, stopped) = watch::channel(());
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
                Kind::Hooks => tasks.spawn(hooks(work.begun, stopped)),
                Kind::Tick => tasks.spawn(tick(work.begun, stopped, &work.meters[index])),
                Kind::Drain => tasks.spawn(drain(work.begun, stopped)),
            };
        }
        work.begun.all().await;
        Self { stop, tasks }
    }

    async fn stop(mut running: Self) {
        running.stop.send_replace(());
        while running.tasks.join_next().await.is_some() {}
    }
}

async fn idle(begun: &Begun, mut stopped: watch::Receiver<()>) {
    begun.tell();
    let _ = stopped.changed().await;
}

async fn hooks(begun: &Begun, mut stopped: watch::Receiver<()>) {
    begun.tell();
    let _ = stopped.changed().await;
    begun.take_back();
}

async fn tick(begun: &Begun, mut stopped: watch::Receiver<()>, meter: &Meter) {
    begun.tell();
    tick_until(stopped.changed(), meter).await;
}

async fn drain(begun: &Begun, mut stopped: watch::Receiver<()>) {
    begun.tell();
    let _ = stopped.changed().await;
    sleep(DRAIN).await;
}
