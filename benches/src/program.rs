//! The text of a user's program with so many services, as it is written under each of those that are compared: what
//! is measured is what it costs to build.
//!
//! Each service has a state, an interval of its own, a tick that changes the state, and a drain that tells it. The
//! program runs until it is told to stop.

use std::fmt::Write as _;

/// What a program is written with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// tokio alone: a task for each service, a `watch` channel, a `select!` over it and an interval.
    ByHand,
    /// `task-supervisor`
    TaskSupervisor,
    /// `tokio-graceful-shutdown`
    TokioGracefulShutdown,
    /// `lifecycle`
    Lifecycle,
}

impl Style {
    /// All of them; the first is what the others are compared with.
    pub const ALL: [Self; 4] = [
        Self::ByHand,
        Self::TaskSupervisor,
        Self::TokioGracefulShutdown,
        Self::Lifecycle,
    ];

    /// What it is called in a table, and in a folder's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ByHand => "by-hand",
            Self::TaskSupervisor => "task-supervisor",
            Self::TokioGracefulShutdown => "tokio-graceful-shutdown",
            Self::Lifecycle => "lifecycle",
        }
    }

    /// The lines of its `Cargo.toml` below `[dependencies]`. `lifecycle` stands at this path.
    #[must_use]
    pub fn dependencies(self, lifecycle: &str) -> String {
        const TOKIO: &str = r#"tokio = { version = "1", features = ["macros", "rt-multi-thread", "signal", "sync", "time"] }
"#;
        let other = match self {
            Self::ByHand => String::new(),
            Self::TaskSupervisor => "task-supervisor = \"0.5\"\n".to_owned(),
            Self::TokioGracefulShutdown => "tokio-graceful-shutdown = \"0.20\"\n".to_owned(),
            Self::Lifecycle => format!("lifecycle = {{ path = {lifecycle:?} }}\n"),
        };
        format!("{TOKIO}{other}")
    }

    /// The program. `edit` is a number in the tick of the first service: another one is what a user's edit of one
    /// line comes to.
    #[must_use]
    pub fn program(self, services: usize, edit: usize) -> String {
        let mut text = self.head().to_owned();
        for service in 0..services {
            let step = if service == 0 { edit } else { service };
            text.push_str(&self.service(service, step));
        }
        text.push_str(&self.main(services));
        text
    }

    const fn head(self) -> &'static str {
        match self {
            Self::ByHand => HEAD_BY_HAND,
            Self::TaskSupervisor => HEAD_TASK_SUPERVISOR,
            Self::TokioGracefulShutdown => HEAD_TOKIO_GRACEFUL_SHUTDOWN,
            Self::Lifecycle => HEAD_LIFECYCLE,
        }
    }

    fn service(self, service: usize, step: usize) -> String {
        let text = match self {
            Self::ByHand => SERVICE_BY_HAND,
            Self::TaskSupervisor => SERVICE_TASK_SUPERVISOR,
            Self::TokioGracefulShutdown => SERVICE_TOKIO_GRACEFUL_SHUTDOWN,
            Self::Lifecycle => SERVICE_LIFECYCLE,
        };
        text.replace("SERVICE", &service.to_string())
            .replace("STEP", &step.to_string())
    }

    fn main(self, services: usize) -> String {
        let (before, each, after) = match self {
            Self::ByHand => MAIN_BY_HAND,
            Self::TaskSupervisor => MAIN_TASK_SUPERVISOR,
            Self::TokioGracefulShutdown => MAIN_TOKIO_GRACEFUL_SHUTDOWN,
            Self::Lifecycle => MAIN_LIFECYCLE,
        };
        let mut text = before.to_owned();
        for service in 0..services {
            // Writing to a `String` can't fail.
            let _ = writeln!(text, "{}", each.replace("SERVICE", &service.to_string()));
        }
        text.push_str(after);
        text
    }
}

const HEAD_BY_HAND: &str = "\
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

type Result = std::result::Result<(), Box<dyn std::error::Error + Send + Sync>>;
";

const SERVICE_BY_HAND: &str = r#"
struct ServiceSERVICE {
    every: Duration,
    sum: AtomicU64,
}

impl ServiceSERVICE {
    async fn run(self, mut stop: watch::Receiver<()>) -> Result {
        let mut interval = interval_at(Instant::now() + self.every, self.every);
        interval.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                biased;
                _ = stop.changed() => break,
                _ = interval.tick() => {
                    if let Err(error) = self.tick().await {
                        eprintln!("service-SERVICE: {error}");
                    }
                }
            }
        }
        self.drain().await
    }

    async fn tick(&self) -> Result {
        self.sum.fetch_add(STEP, Ordering::Relaxed);
        Ok(())
    }

    async fn drain(&self) -> Result {
        println!("service-SERVICE: {}", self.sum.load(Ordering::Relaxed));
        Ok(())
    }
}
"#;

const MAIN_BY_HAND: (&str, &str, &str) = (
    "
#[tokio::main]
async fn main() -> Result {
    let every = Duration::from_secs(1);
    let (stopper, stop) = watch::channel(());
    let mut terminate = signal(SignalKind::terminate())?;
    let mut tasks = JoinSet::new();
",
    "    tasks.spawn(ServiceSERVICE { every, sum: AtomicU64::new(0) }.run(stop.clone()));",
    "    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
    drop(stopper);
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(())
}
",
);

const HEAD_TASK_SUPERVISOR: &str = "\
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use task_supervisor::{CancellationToken, SupervisedTask, SupervisorBuilder, TaskResult};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, MissedTickBehavior, interval_at};
";

const SERVICE_TASK_SUPERVISOR: &str = r#"
#[derive(Clone)]
struct ServiceSERVICE {
    every: Duration,
    sum: Arc<AtomicU64>,
}

impl ServiceSERVICE {
    async fn tick(&self) -> TaskResult {
        self.sum.fetch_add(STEP, Ordering::Relaxed);
        Ok(())
    }

    async fn drain(&self) -> TaskResult {
        println!("service-SERVICE: {}", self.sum.load(Ordering::Relaxed));
        Ok(())
    }
}

impl SupervisedTask for ServiceSERVICE {
    async fn run(self, stop: CancellationToken) -> TaskResult {
        let mut interval = interval_at(Instant::now() + self.every, self.every);
        interval.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                _ = interval.tick() => {
                    if let Err(error) = self.tick().await {
                        eprintln!("service-SERVICE: {error}");
                    }
                }
            }
        }
        self.drain().await
    }
}
"#;

const MAIN_TASK_SUPERVISOR: (&str, &str, &str) = (
    "
#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let every = Duration::from_secs(1);
    let mut terminate = signal(SignalKind::terminate())?;
    let supervisor = SupervisorBuilder::new()
",
    "        .with_task(\"service-SERVICE\", ServiceSERVICE { every, sum: Arc::default() })",
    "        .spawn();
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
    supervisor.shutdown().await?;
    Ok(())
}
",
);

const HEAD_TOKIO_GRACEFUL_SHUTDOWN: &str = "\
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_graceful_shutdown::{SubsystemBuilder, SubsystemHandle, Toplevel};

type Result = std::result::Result<(), Box<dyn std::error::Error + Send + Sync>>;
";

const SERVICE_TOKIO_GRACEFUL_SHUTDOWN: &str = r#"
struct ServiceSERVICE {
    every: Duration,
    sum: AtomicU64,
}

impl ServiceSERVICE {
    async fn run(self, subsystem: &mut SubsystemHandle) -> Result {
        let mut interval = interval_at(Instant::now() + self.every, self.every);
        interval.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                biased;
                () = subsystem.on_shutdown_requested() => break,
                _ = interval.tick() => {
                    if let Err(error) = self.tick().await {
                        eprintln!("service-SERVICE: {error}");
                    }
                }
            }
        }
        self.drain().await
    }

    async fn tick(&self) -> Result {
        self.sum.fetch_add(STEP, Ordering::Relaxed);
        Ok(())
    }

    async fn drain(&self) -> Result {
        println!("service-SERVICE: {}", self.sum.load(Ordering::Relaxed));
        Ok(())
    }
}
"#;

const MAIN_TOKIO_GRACEFUL_SHUTDOWN: (&str, &str, &str) = (
    "
#[tokio::main]
async fn main() -> Result {
    let every = Duration::from_secs(1);
    Toplevel::new(async move |subsystem: &mut SubsystemHandle| {
",
    "        let service = ServiceSERVICE { every, sum: AtomicU64::new(0) };
        subsystem.start(SubsystemBuilder::new(\"service-SERVICE\", async move |subsystem: &mut SubsystemHandle| service.run(subsystem).await));",
    "    })
    .catch_signals()
    .handle_shutdown_requests(Duration::from_secs(25))
    .await?;
    Ok(())
}
",
);

const HEAD_LIFECYCLE: &str = "\
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use lifecycle::{Context, Result, Scheduled, registry, service};
";

const SERVICE_LIFECYCLE: &str = r#"
#[service(scheduled(interval = "every"))]
struct ServiceSERVICE {
    every: Duration,
    sum: AtomicU64,
}

impl Scheduled for ServiceSERVICE {
    async fn tick(&self, _: &Context) -> Result {
        self.sum.fetch_add(STEP, Ordering::Relaxed);
        Ok(())
    }

    async fn drain(&self, _: &Context) -> Result {
        println!("service-SERVICE: {}", self.sum.load(Ordering::Relaxed));
        Ok(())
    }
}
"#;

const MAIN_LIFECYCLE: (&str, &str, &str) = (
    "
#[tokio::main]
async fn main() -> lifecycle::Outcome {
    let every = Duration::from_secs(1);
    registry! {
",
    "        \"service-SERVICE\" => ServiceSERVICE { every, sum: AtomicU64::new(0) },",
    "    }
    .run()
    .await
}
",
);
