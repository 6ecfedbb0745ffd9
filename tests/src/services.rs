//! A service of each shape that does what its script says.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use lifecycle::{Context, Idle, Oneshot, Result, Scheduled, Service, Worker, async_trait, service};

use crate::journal::Journal;
use crate::script::{Act, Hook, until_stopped};

/// What a service does in each of its hooks. Hooks that are not set do what most services do there: nothing, or wait to be stopped.
#[derive(Debug)]
pub struct Script {
    journal: Journal,
    startup: Hook,
    ticks: Vec<Hook>,
    run: Option<Hook>,
    drain: Hook,
    ticked: AtomicU32,
}

impl Journal {
    /// A script whose performance is written here.
    #[must_use]
    pub fn script(&self) -> Script {
        Script {
            journal: self.clone(),
            startup: Hook::default(),
            ticks: Vec::new(),
            run: None,
            drain: Hook::default(),
            ticked: AtomicU32::new(0),
        }
    }
}

impl Script {
    /// What `startup` does.
    #[must_use]
    pub fn startup(mut self, hook: impl Into<Hook>) -> Self {
        self.startup = hook.into();
        self
    }

    /// What the next tick does; the last one given is repeated.
    #[must_use]
    pub fn tick(mut self, hook: impl Into<Hook>) -> Self {
        self.ticks.push(hook.into());
        self
    }

    /// What `run` does, or a hand-written `start`.
    #[must_use]
    pub fn run(mut self, hook: impl Into<Hook>) -> Self {
        self.run = Some(hook.into());
        self
    }

    /// What `drain` does, or a hand-written `stop` after `start` has returned.
    #[must_use]
    pub fn drain(mut self, hook: impl Into<Hook>) -> Self {
        self.drain = hook.into();
        self
    }

    /// As an idle service.
    #[must_use]
    pub fn idle(self) -> IdleScript {
        IdleScript(self)
    }

    /// As an idle service without `startup`.
    #[must_use]
    pub fn resting(self) -> RestingScript {
        RestingScript(self)
    }

    /// As a scheduled service.
    #[must_use]
    pub fn scheduled(self, every: Duration) -> ScheduledScript {
        ScheduledScript {
            script: self,
            every,
        }
    }

    /// As a worker.
    #[must_use]
    pub fn worker(self) -> WorkerScript {
        WorkerScript(self)
    }

    /// As a oneshot.
    #[must_use]
    pub fn oneshot(self) -> OneshotScript {
        OneshotScript(self)
    }

    /// As a oneshot in the background.
    #[must_use]
    pub fn background(self) -> BackgroundScript {
        BackgroundScript(self)
    }

    /// As a hand-written service: `start` is ready at once and waits for the stop channel, `stop` waits for `start` and drains.
    #[must_use]
    pub fn custom(self) -> CustomScript {
        CustomScript {
            start: self
                .run
                .clone()
                .unwrap_or_else(|| Hook::from(Act::Ready).then(until_stopped())),
            stop: Hook::from(Act::UntilExited).then(self.drain.clone()),
            journal: self.journal,
        }
    }

    async fn perform_startup(&self, cx: &Context) -> Result {
        self.startup.perform("startup", cx, &self.journal).await
    }

    async fn perform_run(&self, cx: &Context, otherwise: Hook) -> Result {
        let hook = self.run.as_ref().unwrap_or(&otherwise);
        hook.perform("run", cx, &self.journal).await
    }

    async fn perform_tick(&self, cx: &Context) -> Result {
        let number = self.ticked.fetch_add(1, Ordering::Relaxed) as usize;
        let hook = self.ticks.get(number).or(self.ticks.last());
        let part = format!("tick {}", number + 1);
        let hook = hook.cloned().unwrap_or_default();
        hook.perform(&part, cx, &self.journal).await
    }

    async fn perform_drain(&self, cx: &Context) -> Result {
        self.drain.perform("drain", cx, &self.journal).await
    }
}

/// An idle service that follows a script.
#[service(idle)]
#[derive(Debug)]
pub struct IdleScript(Script);

impl Idle for IdleScript {
    async fn startup(&self, cx: &Context) -> Result {
        self.0.perform_startup(cx).await
    }

    async fn drain(&self, cx: &Context) -> Result {
        self.0.perform_drain(cx).await
    }
}

/// An idle service that has nothing to do until it stops.
#[service(idle)]
#[derive(Debug)]
pub struct RestingScript(Script);

impl Idle for RestingScript {
    async fn drain(&self, cx: &Context) -> Result {
        self.0.perform_drain(cx).await
    }
}

/// A scheduled service that follows a script.
#[service(scheduled(interval = "every"))]
#[derive(Debug)]
pub struct ScheduledScript {
    script: Script,
    every: Duration,
}

impl Scheduled for ScheduledScript {
    async fn startup(&self, cx: &Context) -> Result {
        self.script.perform_startup(cx).await
    }

    async fn tick(&self, cx: &Context) -> Result {
        self.script.perform_tick(cx).await
    }

    async fn drain(&self, cx: &Context) -> Result {
        self.script.perform_drain(cx).await
    }
}

/// A worker that follows a script.
#[service(worker)]
#[derive(Debug)]
pub struct WorkerScript(Script);

impl Worker for WorkerScript {
    async fn startup(&self, cx: &Context) -> Result {
        self.0.perform_startup(cx).await
    }

    async fn run(&self, cx: &Context) -> Result {
        self.0.perform_run(cx, until_stopped()).await
    }

    async fn drain(&self, cx: &Context) -> Result {
        self.0.perform_drain(cx).await
    }
}

/// A oneshot that follows a script.
#[service(oneshot)]
#[derive(Debug)]
pub struct OneshotScript(Script);

impl Oneshot for OneshotScript {
    async fn run(&self, cx: &Context) -> Result {
        self.0.perform_run(cx, Hook::default()).await
    }
}

/// A oneshot in the background that follows a script.
#[service(oneshot(background))]
#[derive(Debug)]
pub struct BackgroundScript(Script);

impl Oneshot for BackgroundScript {
    async fn run(&self, cx: &Context) -> Result {
        self.0.perform_run(cx, Hook::default()).await
    }
}

/// A hand-written service that follows a script.
#[derive(Debug)]
pub struct CustomScript {
    start: Hook,
    stop: Hook,
    journal: Journal,
}

impl CustomScript {
    /// What `stop` does, all of it: it no longer waits for `start`.
    #[must_use]
    pub fn stop(mut self, hook: impl Into<Hook>) -> Self {
        self.stop = hook.into();
        self
    }
}

#[async_trait]
impl Service for CustomScript {
    async fn start(&self, cx: &Context) -> Result {
        self.start.perform("start", cx, &self.journal).await
    }

    async fn stop(&self, cx: &Context) -> Result {
        self.stop.perform("stop", cx, &self.journal).await
    }
}

/// Forwards what a service must have, and nothing else.
#[derive(Debug)]
pub struct Plain<S>(pub S);

#[async_trait]
impl<S: Service> Service for Plain<S> {
    async fn start(&self, cx: &Context) -> Result {
        self.0.start(cx).await
    }

    async fn stop(&self, cx: &Context) -> Result {
        self.0.stop(cx).await
    }
}
