//! `task-supervisor`: named tasks that are restarted when they fail, with a token each.

use ::task_supervisor::{
    CancellationToken, SupervisedTask, SupervisorBuilder, SupervisorHandle, TaskResult,
};
use tokio::time::sleep;

use crate::contender::Contender;
use crate::work::{Begun, DRAIN, Kind, Meter, Work, tick_until};

/// See the module.
#[derive(Debug)]
pub struct TaskSupervisor;

#[derive(Clone)]
struct Idle(&'static Begun);

#[derive(Clone)]
struct Hooks(&'static Begun);

#[derive(Clone)]
struct Tick(&'static Begun, &'static Meter);

#[derive(Clone)]
struct Drain(&'static Begun);

impl SupervisedTask for Idle {
    async fn run(self, cancel: CancellationToken) -> TaskResult {
        self.0.tell();
        cancel.cancelled().await;
        Ok(())
    }
}

impl SupervisedTask for Hooks {
    async fn run(self, cancel: CancellationToken) -> TaskResult {
        self.0.tell();
        cancel.cancelled().await;
        self.0.take_back();
        Ok(())
    }
}

impl SupervisedTask for Tick {
    async fn run(self, cancel: CancellationToken) -> TaskResult {
        self.0.tell();
        tick_until(cancel.cancelled(), self.1).await;
        Ok(())
    }
}

impl SupervisedTask for Drain {
    async fn run(self, cancel: CancellationToken) -> TaskResult {
        self.0.tell();
        cancel.cancelled().await;
        sleep(DRAIN).await;
        Ok(())
    }
}

impl Contender for TaskSupervisor {
    type Assembled = (SupervisorBuilder, &'static Begun);
    type Running = SupervisorHandle;

    fn assemble(work: Work) -> Self::Assembled {
        let mut builder = SupervisorBuilder::new();
        for (index, name) in work.names.iter().enumerate() {
            builder = match work.kind {
                Kind::Idle => builder.with_task(name, Idle(work.begun)),
                Kind::Hooks => builder.with_task(name, Hooks(work.begun)),
                Kind::Tick => builder.with_task(name, Tick(work.begun, &work.meters[index])),
                Kind::Drain => builder.with_task(name, Drain(work.begun)),
            };
        }
        (builder, work.begun)
    }

    async fn start((builder, begun): Self::Assembled) -> SupervisorHandle {
        let handle = builder.spawn();
        begun.all().await;
        handle
    }

    async fn stop(handle: SupervisorHandle) {
        handle.shutdown().await.expect("nothing can fail");
    }
}
