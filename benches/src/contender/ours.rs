//! `lifecycle`: a registry of named services.

use lifecycle::{Context, Group, Idle, Registry, Result, Running, Scheduled, service};
use tokio::time::sleep;

use super::Contender;
use crate::work::{Begun, DRAIN, Kind, Meter, PERIOD, Work};

/// See the module.
#[derive(Debug)]
pub struct Ours;

#[service(idle)]
struct Nothing;

impl Idle for Nothing {}

#[service(idle)]
pub(crate) struct Hooks(pub(crate) &'static Begun);

impl Idle for Hooks {
    async fn startup(&self, _: &Context) -> Result {
        self.0.tell();
        Ok(())
    }

    async fn drain(&self, _: &Context) -> Result {
        self.0.take_back();
        Ok(())
    }
}

#[service(scheduled(interval = PERIOD))]
struct Ticking(&'static Meter);

impl Scheduled for Ticking {
    async fn tick(&self, _: &Context) -> Result {
        self.0.tick();
        Ok(())
    }
}

#[service(idle)]
struct Draining;

impl Idle for Draining {
    async fn drain(&self, _: &Context) -> Result {
        sleep(DRAIN).await;
        Ok(())
    }
}

impl Contender for Ours {
    type Assembled = Registry;
    type Running = Running;

    const KNOWS_ORDER: bool = true;

    fn assemble(work: Work) -> Registry {
        let mut builder = Registry::builder();
        for (index, name) in work.names.iter().copied().enumerate() {
            builder = match work.kind {
                Kind::Idle => builder.service(name, Nothing),
                Kind::Hooks => builder.service(name, Hooks(work.begun)),
                Kind::Tick => builder.service(name, Ticking(&work.meters[index])),
                Kind::Drain => builder.service(name, Draining),
            };
            if let Some(after) = work.after.get(index) {
                builder = builder.after(after.iter().map(|&index| work.names[index]));
            }
        }
        // Nobody else here listens for signals either.
        builder
            .build()
            .expect("the names are in order")
            .signals(false)
    }

    async fn start(registry: Registry) -> Running {
        let running = registry.start();
        running.await_healthy().await.expect("nothing can fail");
        running
    }

    async fn stop(running: Running) {
        let outcome = running.stop().await;
        assert_eq!(outcome.exit_code(), 0, "{outcome}");
    }
}

/// The same services as the members of a group, each added when the one before is up.
#[derive(Debug)]
pub struct Members;

impl Contender for Members {
    type Assembled = Work;
    type Running = (Running, Group<&'static str>);

    fn assemble(work: Work) -> Work {
        work
    }

    async fn start(work: Work) -> Self::Running {
        let group = Group::new();
        let registry = Registry::builder()
            .service("group", group.clone())
            .build()
            .expect("the name is in order")
            .signals(false);
        let running = Ours::start(registry).await;
        for (index, name) in work.names.iter().copied().enumerate() {
            let added = match work.kind {
                Kind::Idle => group.add(name, Nothing).await,
                Kind::Hooks => group.add(name, Hooks(work.begun)).await,
                Kind::Tick => group.add(name, Ticking(&work.meters[index])).await,
                Kind::Drain => group.add(name, Draining).await,
            };
            added.expect("nothing can fail");
        }
        (running, group)
    }

    async fn stop((running, _group): Self::Running) {
        Ours::stop(running).await;
    }
}
