//! The services of a history.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use lifecycle::{BoxError, Context, Idle, Oneshot, Result, Scheduled, Worker, permanent, service};
use tokio::time::sleep;

use super::plan::{Ending, Life};
use super::tape::{Part, Tape};

/// Does in each run what is planned for it.
pub(crate) struct Actor {
    name: Arc<str>,
    lives: Vec<Life>,
    run: AtomicUsize,
    tape: Tape,
}

#[service(worker)]
pub(crate) struct WorkerActor(pub(crate) Arc<Actor>);

#[service(idle)]
pub(crate) struct IdleActor(pub(crate) Arc<Actor>);

#[service(scheduled(interval = "10ms", on_error = fail))]
pub(crate) struct ScheduledActor(pub(crate) Arc<Actor>, pub(crate) AtomicUsize);

#[service(oneshot(background))]
pub(crate) struct BackgroundActor(pub(crate) Arc<Actor>);

impl Actor {
    pub(crate) fn new(name: Arc<str>, lives: Vec<Life>, tape: Tape) -> Self {
        Self {
            name,
            lives,
            run: AtomicUsize::new(0),
            tape,
        }
    }

    fn run(&self) -> (usize, Life) {
        let run = self.run.load(Ordering::Relaxed);
        let life = self.lives.get(run - 1).cloned();
        (run, life.unwrap_or_else(Life::quiet))
    }

    async fn startup(&self) -> Result {
        self.run.fetch_add(1, Ordering::Relaxed);
        let (run, life) = self.run();
        let open = self.tape.begin(&self.name, run, Part::Startup);
        sleep(life.startup).await;
        let result = if life.startup_fails {
            Err("as scripted".into())
        } else {
            Ok(())
        };
        open.end(result)
    }

    async fn work(&self, cx: &Context) -> Result {
        let (run, life) = self.run();
        let open = self.tape.begin(&self.name, run, Part::Work);
        let up = async {
            match life.up {
                Some(up) => sleep(up).await,
                None => std::future::pending().await,
            }
        };
        let stopped = cx.stop_channel().run_until_closed(up).await.is_none();
        if stopped {
            sleep(life.lingers).await;
        }
        open.end(if stopped { Ok(()) } else { life.end() })
    }

    /// A job that is done, fails, or goes on until it is dropped.
    async fn job(&self) -> Result {
        let run = self.run.fetch_add(1, Ordering::Relaxed) + 1;
        let (_, life) = self.run();
        let open = self.tape.begin(&self.name, run, Part::Job);
        sleep(life.startup).await;
        let Some(up) = life.up else {
            return std::future::pending().await;
        };
        sleep(up).await;
        let is_done = up.as_millis() % 2 == 0;
        open.end(if is_done { Ok(()) } else { life.end() })
    }

    /// One tick: fails once it has been up for as long as planned.
    fn tick(&self, ticks: &AtomicUsize) -> Result {
        let (run, life) = self.run();
        let open = self.tape.begin(&self.name, run, Part::Work);
        let ticks = ticks.fetch_add(1, Ordering::Relaxed) + 1;
        let is_over = life
            .up
            .is_some_and(|up| up.as_millis() <= ticks as u128 * 10);
        open.end(if is_over { life.end() } else { Ok(()) })
    }

    async fn drain(&self) -> Result {
        let (run, life) = self.run();
        let open = self.tape.begin(&self.name, run, Part::Drain);
        sleep(life.drain).await;
        let result = if life.drain_fails {
            Err("as scripted".into())
        } else {
            Ok(())
        };
        open.end(result)
    }
}

impl Life {
    fn end(&self) -> Result<(), BoxError> {
        match self.ending {
            Ending::Fails => Err("as scripted".into()),
            Ending::Panics => panic!("as scripted"),
            Ending::FailsForGood => Err(permanent("as scripted").into()),
        }
    }
}

impl Worker for WorkerActor {
    async fn startup(&self, _: &Context) -> Result {
        self.0.startup().await
    }
    async fn run(&self, cx: &Context) -> Result {
        self.0.work(cx).await
    }
    async fn drain(&self, _: &Context) -> Result {
        self.0.drain().await
    }
}

/// Its work is a task of its own.
impl Idle for IdleActor {
    async fn startup(&self, cx: &Context) -> Result {
        self.0.startup().await?;
        let (actor, of_task) = (self.0.clone(), cx.clone());
        cx.spawn(async move { actor.work(&of_task).await });
        Ok(())
    }
    async fn drain(&self, _: &Context) -> Result {
        self.0.drain().await
    }
}

impl Scheduled for ScheduledActor {
    async fn startup(&self, _: &Context) -> Result {
        self.1.store(0, Ordering::Relaxed);
        self.0.startup().await
    }
    async fn tick(&self, _: &Context) -> Result {
        self.0.tick(&self.1)
    }
    async fn drain(&self, _: &Context) -> Result {
        self.0.drain().await
    }
}

impl Oneshot for BackgroundActor {
    async fn run(&self, _: &Context) -> Result {
        self.0.job().await
    }
}
