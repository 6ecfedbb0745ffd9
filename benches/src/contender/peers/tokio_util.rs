//! `tokio-util`: a `CancellationToken` tells the tasks to stop, a `TaskTracker` waits for them.

use ::tokio_util::sync::CancellationToken;
use ::tokio_util::task::TaskTracker;
use tokio::time::sleep;

use crate::contender::Contender;
use crate::work::{Begun, DRAIN, Kind, Meter, Work, tick_until};

/// See the module.
#[derive(Debug)]
pub struct TokioUtil {
    token: CancellationToken,
    tracker: TaskTracker,
}

impl Contender for TokioUtil {
    type Assembled = Work;
    type Running = Self;

    fn assemble(work: Work) -> Work {
        work
    }

    async fn start(work: Work) -> Self {
        let token = CancellationToken::new();
        let tracker = TaskTracker::new();
        for index in 0..work.names.len() {
            let token = token.clone();
            match work.kind {
                Kind::Idle => tracker.spawn(idle(work.begun, token)),
                Kind::Hooks => tracker.spawn(hooks(work.begun, token)),
                Kind::Tick => tracker.spawn(tick(work.begun, token, &work.meters[index])),
                Kind::Drain => tracker.spawn(drain(work.begun, token)),
            };
        }
        tracker.close();
        work.begun.all().await;
        Self { token, tracker }
    }

    async fn stop(running: Self) {
        running.token.cancel();
        running.tracker.wait().await;
    }
}

async fn idle(begun: &Begun, token: CancellationToken) {
    begun.tell();
    token.cancelled().await;
}

async fn hooks(begun: &Begun, token: CancellationToken) {
    begun.tell();
    token.cancelled().await;
    begun.take_back();
}

async fn tick(begun: &Begun, token: CancellationToken, meter: &Meter) {
    begun.tell();
    tick_until(token.cancelled(), meter).await;
}

async fn drain(begun: &Begun, token: CancellationToken) {
    begun.tell();
    token.cancelled().await;
    sleep(DRAIN).await;
}
