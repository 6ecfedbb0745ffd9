//! What a hook does, as data: a list of acts, performed one after the other and written to the journal.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use lifecycle::{Context, Result};

use crate::journal::Journal;

/// The acts of one hook. An empty hook returns `Ok` at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hook(pub Vec<Act>);

/// One thing that a hook does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Sleeps this long, whatever it is asked meanwhile.
    Take(Duration),
    /// Waits for the stop channel.
    UntilStopped,
    /// Waits until anything has asked for the stop of the application.
    UntilRequested,
    /// Waits until the application is healthy, or fails with why it never will be.
    AwaitHealthy,
    /// Waits until `start` has returned: for a hand-written `stop`.
    UntilExited,
    /// Says that the service is ready: for a hand-written `start`.
    Ready,
    /// Never goes on.
    Hang,
    /// Never gives its thread back.
    Block,
    /// Lets others run once.
    Yield,
    /// Returns this error.
    Fail(String),
    /// Panics with this message.
    Panic(String),
    /// Asks the application to stop.
    Shutdown,
    /// Says that it works less well than it should.
    Degrade(String),
    /// Takes that back.
    Recover,
    /// Starts a task that belongs to the service.
    Spawn(Hook),
}

/// Returns at once.
#[must_use]
pub fn nothing() -> Hook {
    Hook::default()
}

/// Sleeps this long, whatever it is asked meanwhile.
#[must_use]
pub fn takes(time: Duration) -> Hook {
    Act::Take(time).into()
}

/// Waits for the stop channel.
#[must_use]
pub fn until_stopped() -> Hook {
    Act::UntilStopped.into()
}

/// Waits until anything has asked for the stop of the application.
#[must_use]
pub fn until_requested() -> Hook {
    Act::UntilRequested.into()
}

/// Waits until the application is healthy, or fails with why it never will be.
#[must_use]
pub fn awaits_healthy() -> Hook {
    Act::AwaitHealthy.into()
}

/// Never returns, and ignores the stop channel.
#[must_use]
pub fn hangs() -> Hook {
    Act::Hang.into()
}

/// Never returns and never gives its thread back: for child processes only.
#[must_use]
pub fn blocks() -> Hook {
    Act::Block.into()
}

/// Lets others run once.
#[must_use]
pub fn yields() -> Hook {
    Act::Yield.into()
}

/// Returns this error.
#[must_use]
pub fn fails(message: &str) -> Hook {
    Act::Fail(message.to_owned()).into()
}

/// Panics with this message.
#[must_use]
pub fn panics(message: &str) -> Hook {
    Act::Panic(message.to_owned()).into()
}

/// Asks the application to stop.
#[must_use]
pub fn shuts_down() -> Hook {
    Act::Shutdown.into()
}

/// Says that the service works less well than it should.
#[must_use]
pub fn degrades(why: &str) -> Hook {
    Act::Degrade(why.to_owned()).into()
}

/// Takes back that it works less well than it should.
#[must_use]
pub fn recovers() -> Hook {
    Act::Recover.into()
}

/// Starts a task that belongs to the service.
#[must_use]
pub fn spawns(task: Hook) -> Hook {
    Act::Spawn(task).into()
}

impl From<Act> for Hook {
    fn from(act: Act) -> Self {
        Self(vec![act])
    }
}

impl Hook {
    /// And after that, this.
    #[must_use]
    pub fn then(mut self, next: impl Into<Hook>) -> Self {
        self.0.extend(next.into().0);
        self
    }

    /// Performs the acts and writes beginning and end to the journal.
    pub async fn perform(&self, part: &str, cx: &Context, journal: &Journal) -> Result {
        let open = journal.begin(format!("{}: {part}", cx.name()));
        open.end(self.act_all(cx, journal).await)
    }

    async fn act_all(&self, cx: &Context, journal: &Journal) -> Result {
        for act in &self.0 {
            act.act(cx, journal).await?;
        }
        Ok(())
    }

    /// Boxed, because a task may spawn tasks in turn.
    fn task(
        self,
        cx: Context,
        journal: Journal,
    ) -> Pin<Box<dyn Future<Output = Result> + Send + 'static>> {
        Box::pin(async move { self.perform("task", &cx, &journal).await })
    }
}

impl Act {
    async fn act(&self, cx: &Context, journal: &Journal) -> Result {
        match self {
            Self::Take(time) => tokio::time::sleep(*time).await,
            Self::UntilStopped => cx.stop_channel().closed().await,
            Self::UntilRequested => drop(cx.handle().wait().await),
            Self::AwaitHealthy => cx.handle().await_healthy().await?,
            Self::UntilExited => cx.exited().await,
            Self::Ready => cx.ready(),
            Self::Hang => std::future::pending().await,
            Self::Block => {
                journal.note(format!("{}: blocks", cx.name()));
                block();
            }
            Self::Yield => tokio::task::yield_now().await,
            Self::Fail(message) => return Err(message.clone().into()),
            Self::Panic(message) => panic!("{message}"),
            Self::Shutdown => cx.shutdown(),
            Self::Degrade(why) => cx.degraded(&**why),
            Self::Recover => cx.recovered(),
            Self::Spawn(task) => cx.spawn(task.clone().task(cx.clone(), journal.clone())),
        }
        Ok(())
    }
}

fn block() {
    loop {
        std::thread::park();
    }
}

/// From now on panics that a test has planned, `as scripted`, do not fill the screen.
pub fn hush() {
    std::panic::set_hook(Box::new(|panic| {
        if !panic.to_string().contains("as scripted") {
            eprintln!("{panic}");
        }
    }));
}
