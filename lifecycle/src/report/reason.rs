//! Why the application stops, and the cause that a single service sees in its drain.

use std::fmt;
use std::sync::Arc;

use crate::report::error::{ServiceError, StartError};

/// Why the application stops: what [`Running::wait`](crate::Running::wait) returns.
///
/// ```
/// # use lifecycle::{Idle, Reason, Signal, registry, service};
/// # #[service(idle)] struct Store;
/// # impl Idle for Store {}
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let running = registry! { "store" => Store }.stop_on(async {}).start();
/// let reason = running.wait().await;
/// assert!(matches!(reason, Reason::External));
/// assert_eq!(reason.kind(), "external");
/// # running.stop().await.into_result().unwrap();
/// # }
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub enum Reason {
    /// The process got this signal.
    Signal(Signal),
    /// This service failed, and its policy is [`OnFailure::Shutdown`](crate::OnFailure).
    Failure(ServiceError),
    /// The program asked for it: `shutdown()` on a handle or a context, or `stop()` on the running
    /// registry.
    Requested,
    /// The future given to [`Registry::stop_on`](crate::Registry::stop_on) has resolved.
    External,
    /// The future given to [`Registry::stop_on`](crate::Registry::stop_on) has panicked, with this
    /// message. It is a failure: the process exits with 1.
    ExternalPanicked(Arc<str>),
    /// Every service has ended by itself.
    Finished,
    /// The [`Running`](crate::Running) registry was dropped, or the registry before it was started.
    Dropped,
    /// The registry could not be started at all. That is the reason even where something had asked for the
    /// stop before.
    NotStarted(Arc<StartError>),
}

impl Reason {
    /// What kind of reason it is, in one stable word, for a metric or a decision in another program:
    /// `signal`, `failure`, `requested`, `external`, `external_panicked`, `finished`, `dropped` or
    /// `not_started`. The feature `serde` writes the same one. Later versions may add words.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Signal(_) => "signal",
            Self::Failure(_) => "failure",
            Self::Requested => "requested",
            Self::External => "external",
            Self::ExternalPanicked(_) => "external_panicked",
            Self::Finished => "finished",
            Self::Dropped => "dropped",
            Self::NotStarted(_) => "not_started",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signal(signal) => write!(f, "received {signal}"),
            Self::Failure(error) => error.fmt(f),
            Self::Requested => f.write_str("stop requested"),
            Self::External => f.write_str("stop requested from outside"),
            Self::ExternalPanicked(message) => {
                write!(f, "the future of `stop_on` panicked: {message}")
            }
            Self::Finished => f.write_str("every service has finished"),
            Self::Dropped => f.write_str("the registry was dropped"),
            Self::NotStarted(error) => error.fmt(f),
        }
    }
}

/// So that it can be the source of an error. `Display` prints all of it, so it has no source itself.
impl std::error::Error for Reason {}

debug_as_display! { Reason }

/// Why a single service ends: what [`Context::cause`](crate::Context::cause) tells a `drain`.
///
/// ```
/// use lifecycle::{Cause, Context, Idle, Result, service};
///
/// #[service(idle)]
/// struct Cache;
///
/// impl Idle for Cache {
///     async fn drain(&self, cx: &Context) -> Result {
///         if let Some(Cause::LeaseLost) = cx.cause() {
///             // Another replica writes by now: what is not written stays so.
///             return Ok(());
///         }
///         // self.write().await
///         Ok(())
///     }
/// }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Cause {
    /// The application stops.
    Shutdown(Reason),
    /// The service itself failed.
    Failure(ServiceError),
    /// The service has done what it had to do.
    Finished,
    /// The service is restarted: by hand, or with a service that it depends on, or with the registry or the group that
    /// it belongs to. (Where it is restarted because it has failed, the cause is that failure.)
    Restart,
    /// The member is removed from its group, or the service belongs to one that is. No other run follows.
    Removed,
    /// Another replica may run the service from now on: its lease was lost.
    LeaseLost,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shutdown(reason) => reason.fmt(f),
            Self::Failure(error) => error.fmt(f),
            Self::Finished => f.write_str("finished"),
            Self::Restart => f.write_str("restarted"),
            Self::Removed => f.write_str("removed from its group"),
            Self::LeaseLost => f.write_str("its lease was lost"),
        }
    }
}

/// A signal that asks a process to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Signal(i32);

impl Signal {
    /// The end of the terminal, and by custom the request to reload. It stops the application only under
    /// [`OnHangup::Stop`](crate::OnHangup::Stop).
    pub const HANGUP: Self = Self(1);
    /// The terminal's Ctrl-C.
    pub const INTERRUPT: Self = Self(2);
    /// What service managers and `kill` send.
    pub const TERMINATE: Self = Self(15);

    /// Its number, the same on every Unix; a process it ends exits with 128 plus this.
    #[must_use]
    pub const fn number(self) -> i32 {
        self.0
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::HANGUP => f.write_str("SIGHUP"),
            Self::INTERRUPT => f.write_str("SIGINT"),
            Self::TERMINATE => f.write_str("SIGTERM"),
            Self(number) => write!(f, "signal {number}"),
        }
    }
}

/// What a SIGHUP does to the application: see [`Registry::on_hangup`](crate::Registry::on_hangup).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OnHangup {
    /// The application [reloads](crate::Handle::reload) and goes on. One that comes while it stops changes
    /// nothing.
    Reload,
    /// The application stops, as on SIGTERM.
    Stop,
    /// Nothing: the application outlives its terminal.
    Ignore,
}

#[cfg(not(loom))]
#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::report::error::Fault;
    use crate::report::status::Phase;

    #[test]
    fn the_kind_of_each_reason_is_one_word() {
        let failure = ServiceError::new(
            "store".into(),
            Phase::Run,
            Fault::ExitedEarly,
            Duration::ZERO,
        );
        let kinds = [
            (Reason::Signal(Signal::TERMINATE), "signal"),
            (Reason::Failure(failure), "failure"),
            (Reason::Requested, "requested"),
            (Reason::External, "external"),
            (Reason::ExternalPanicked("lost".into()), "external_panicked"),
            (Reason::Finished, "finished"),
            (Reason::Dropped, "dropped"),
            (
                Reason::NotStarted(Arc::new(StartError::NoRuntime)),
                "not_started",
            ),
        ];
        for (reason, kind) in kinds {
            assert_eq!(reason.kind(), kind, "{reason}");
        }
    }
}
