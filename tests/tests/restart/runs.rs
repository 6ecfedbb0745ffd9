//! Services that do something else in each of their runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use lifecycle::{
    Context, Handle, Registry, RegistryBuilder, Restart, Result, Running, Server, Service,
    ServiceStatus, State, Worker, async_trait, service,
};
use lifecycle_tests::{Act, Hook, Journal, secs, start, until_stopped};

/// What a service does in each run; the last hook that is given is repeated.
#[derive(Clone)]
pub struct Runs(Arc<Inner>);

struct Inner {
    journal: Journal,
    startup: Vec<Hook>,
    run: Vec<Hook>,
    drain: Vec<Hook>,
    /// Whether `run` ends with the stop.
    obeys: bool,
    run_number: AtomicUsize,
    /// Runs that are up and not drained.
    owed: AtomicUsize,
}

impl Runs {
    pub fn new(journal: &Journal, run: impl Into<Vec<Hook>>) -> Self {
        Self::with_startup(journal, [Hook::default()], run)
    }

    pub fn with_startup(
        journal: &Journal,
        startup: impl Into<Vec<Hook>>,
        run: impl Into<Vec<Hook>>,
    ) -> Self {
        Self::of(journal, startup, run, [Hook::default()])
    }

    pub fn of(
        journal: &Journal,
        startup: impl Into<Vec<Hook>>,
        run: impl Into<Vec<Hook>>,
        drain: impl Into<Vec<Hook>>,
    ) -> Self {
        Self(Arc::new(Inner {
            journal: journal.clone(),
            startup: startup.into(),
            run: run.into(),
            drain: drain.into(),
            obeys: true,
            run_number: AtomicUsize::new(0),
            owed: AtomicUsize::new(0),
        }))
    }

    /// The stop does not end its `run`.
    pub fn stubborn(journal: &Journal, run: Hook) -> Self {
        let mut runs = Self::new(journal, [run, runs_on()]);
        Arc::get_mut(&mut runs.0).unwrap().obeys = false;
        runs
    }

    pub fn worker(self) -> WorkerRuns {
        WorkerRuns(self)
    }

    /// How many runs have begun.
    pub fn count(&self) -> usize {
        self.0.run_number.load(Ordering::SeqCst)
    }

    async fn startup(&self, cx: &Context) -> Result {
        let number = self.0.run_number.fetch_add(1, Ordering::SeqCst);
        self.perform(&self.0.startup, number, "startup", cx).await?;
        let owed = self.0.owed.fetch_add(1, Ordering::SeqCst);
        assert_eq!(owed, 0, "each run is drained before the next one is up");
        Ok(())
    }

    async fn run(&self, cx: &Context) -> Result {
        let run = self.perform(&self.0.run, self.count() - 1, "run", cx);
        if self.0.obeys {
            let stop = cx.stop_channel();
            stop.run_until_closed(run).await.unwrap_or(Ok(()))
        } else {
            run.await
        }
    }

    async fn drain(&self, cx: &Context) -> Result {
        let owed = self.0.owed.fetch_sub(1, Ordering::SeqCst);
        assert_eq!(owed, 1, "one drain for each startup");
        self.perform(&self.0.drain, self.count() - 1, "drain", cx)
            .await
    }

    async fn perform(&self, hooks: &[Hook], number: usize, part: &str, cx: &Context) -> Result {
        let hook = hooks.get(number).or(hooks.last());
        let hook = hook.cloned().unwrap_or_default();
        hook.perform(part, cx, &self.0.journal).await
    }
}

#[service(worker)]
pub struct WorkerRuns(Runs);

impl Worker for WorkerRuns {
    async fn startup(&self, cx: &Context) -> Result {
        self.0.startup(cx).await
    }

    async fn run(&self, cx: &Context) -> Result {
        self.0.run(cx).await
    }

    async fn drain(&self, cx: &Context) -> Result {
        self.0.drain(cx).await
    }
}

#[service(server)]
pub struct ServerRuns(pub Runs);

impl Server for ServerRuns {
    type Bound = usize;

    async fn bind(&self, cx: &Context) -> Result<usize> {
        self.0.startup(cx).await?;
        Ok(self.0.count())
    }

    async fn serve(&self, bound: usize, cx: &Context) -> Result {
        assert_eq!(bound, self.0.count(), "bound anew");
        self.0.run(cx).await
    }

    async fn drain(&self, cx: &Context) -> Result {
        self.0.drain(cx).await
    }
}

pub struct CustomRuns(pub Runs);

#[async_trait]
impl Service for CustomRuns {
    async fn start(&self, cx: &Context) -> Result {
        self.0.startup(cx).await?;
        cx.ready();
        self.0.run(cx).await
    }

    async fn stop(&self, cx: &Context) -> Result {
        cx.exited().await;
        if self.0.0.owed.load(Ordering::SeqCst) > 0 {
            self.0.drain(cx).await?;
        }
        Ok(())
    }
}

/// After so long, this.
pub fn after(time: Duration, act: Act) -> Hook {
    Hook::from(Act::Take(time)).then(act)
}

pub fn fails_after(time: Duration) -> Hook {
    after(time, Act::Fail("disk full".to_owned()))
}

/// Runs until it is stopped.
pub fn runs_on() -> Hook {
    until_stopped()
}

/// A second between two runs, but for the random half.
pub fn policy() -> Restart {
    Restart::new().backoff(secs(1), secs(1))
}

/// A registry of one service, `feed`.
pub fn alone(service: impl Service, policy: Restart) -> RegistryBuilder {
    Registry::builder()
        .service("feed", service)
        .on_failure(policy)
}

pub async fn started(builder: RegistryBuilder) -> Running {
    let running = start(builder.build().unwrap());
    running.await_healthy().await.unwrap();
    running
}

pub fn status(handle: &Handle, service: &str) -> ServiceStatus {
    let mut all = handle.states().into_iter();
    all.find(|status| status.name == *service).unwrap()
}

/// Waits until the service comes to this state.
pub async fn reaches(handle: &Handle, service: &str, state: State) {
    let mut moves = handle.subscribe();
    if status(handle, service).state == state {
        return;
    }
    loop {
        let seen = moves.recv().await.unwrap();
        if seen.name == *service && seen.to == state {
            return;
        }
    }
}
