//! `tosub`: a root that spawns named subsystems, each with a handle of its own to ask for the stop by.

use std::process::ExitCode;

use ::tosub::{RootSystemError, Subsystem};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::contender::{Contender, LIMIT};
use crate::work::{Begun, DRAIN, Kind, Meter, Work, tick_until};

/// See the module.
#[derive(Debug)]
pub struct Tosub {
    handle: Subsystem,
    root: JoinHandle<Result<ExitCode, RootSystemError>>,
}

impl Contender for Tosub {
    type Assembled = Work;
    type Running = Self;

    fn assemble(work: Work) -> Work {
        work
    }

    async fn start(work: Work) -> Self {
        let (send, handle) = oneshot::channel();
        let root = ::tosub::build_root("root").with_timeout(LIMIT);
        let root = root.start_raw(async move |root: Subsystem| {
            spawn(&root, work);
            let _ = send.send(root.clone());
            root.shutdown_requested().await;
        });
        let root = tokio::spawn(root);
        let handle = handle.await.expect("the root sends it");
        work.begun.all().await;
        Self { handle, root }
    }

    async fn stop(running: Self) {
        running.handle.request_global_shutdown();
        let stopped = running.root.await.expect("nothing panics");
        stopped.expect("nothing can fail");
    }
}

fn spawn(root: &Subsystem, work: Work) {
    for (index, &name) in work.names.iter().enumerate() {
        match work.kind {
            Kind::Idle => root.spawn(name, move |subsystem| idle(subsystem, work.begun)),
            Kind::Hooks => root.spawn(name, move |subsystem| hooks(subsystem, work.begun)),
            Kind::Tick => {
                let meter = &work.meters[index];
                root.spawn(name, move |subsystem| tick(subsystem, work.begun, meter))
            }
            Kind::Drain => root.spawn(name, move |subsystem| drain(subsystem, work.begun)),
        };
    }
}

async fn idle(subsystem: Subsystem, begun: &Begun) {
    begun.tell();
    subsystem.shutdown_requested().await;
}

async fn hooks(subsystem: Subsystem, begun: &Begun) {
    begun.tell();
    subsystem.shutdown_requested().await;
    begun.take_back();
}

async fn tick(subsystem: Subsystem, begun: &Begun, meter: &Meter) {
    begun.tell();
    tick_until(subsystem.shutdown_requested(), meter).await;
}

async fn drain(subsystem: Subsystem, begun: &Begun) {
    begun.tell();
    subsystem.shutdown_requested().await;
    sleep(DRAIN).await;
}
