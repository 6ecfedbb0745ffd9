//! How an application came up: when each service began to wait, to start, was ready; and which chain of them
//! took longest.

use std::fmt;
use std::time::Duration;

use crate::report::name::Name;

/// How an application came up, or is coming up: what [`Handle::startup`](crate::Handle::startup) returns.
///
/// It is about the first start of each service; a restart changes nothing of it. All times count from the start
/// of the application.
///
/// Its `Display` is the critical chain, as `systemd-analyze critical-chain` prints it: from what came last,
/// back to what that has waited for.
///
/// ```text
/// A service began to start at the time after "@", and took the time after "+".
///
/// healthy @3s
/// └─api @2.500s +500ms
///   └─tokenizer @500ms +2s
///     └─store @0 +500ms
/// ```
///
/// ```
/// # use lifecycle::{Idle, registry, service};
/// # #[service(idle)] struct Store;
/// # impl Idle for Store {}
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// # let running = registry! { "store" => Store, "api" => Store, after = ["store"] }.start();
/// running.await_healthy().await.unwrap();
/// let startup = running.handle().startup();
/// let chain: Vec<&str> = startup.critical_chain().map(|service| &*service.name).collect();
/// assert_eq!(chain, ["api", "store"]);
/// assert!(startup.healthy.is_some());
/// # running.stop().await.into_result().unwrap();
/// # }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Startup {
    /// The services, in registry order.
    pub services: Vec<ServiceStartup>,
    /// When the application was healthy for the first time: every service that counts was up.
    pub healthy: Option<Duration>,
    /// The indices of the services in the critical chain, what came last first.
    pub(crate) chain: Vec<usize>,
    /// How old the application is now: how long what is still under way has taken so far.
    pub age: Duration,
}

/// How one service came up.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ServiceStartup {
    /// Its name in the registry.
    pub name: Name,
    /// When it began to wait for its dependencies, and for what it wants.
    pub waiting: Option<Duration>,
    /// When its `startup` began, or the `run` of a oneshot.
    pub starting: Option<Duration>,
    /// When it was running, or had succeeded.
    pub ready: Option<Duration>,
    /// When it failed, if it did so before it was ready.
    pub failed: Option<Duration>,
}

impl ServiceStartup {
    /// How long it took from the beginning of its start until it was ready, or failed. `None` while that is under
    /// way, and if it never began.
    #[must_use]
    pub fn took(&self) -> Option<Duration> {
        let end = self.ready.or(self.failed)?;
        Some(end.saturating_sub(self.starting?))
    }

    /// When dependents no longer waited for it.
    pub(crate) fn over(&self) -> Option<Duration> {
        self.ready.or(self.failed)
    }
}

impl Startup {
    /// The chain that the start as a whole has waited for: the service that was ready last, of those that it
    /// waited for the one that was ready last, and so on. If one failed, or is not ready yet, the chain begins
    /// there.
    pub fn critical_chain(&self) -> impl Iterator<Item = &ServiceStartup> {
        self.chain
            .iter()
            .filter_map(|&index| self.services.get(index))
    }
}

impl fmt::Display for Startup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "A service began to start at the time after \"@\", and took the time after \"+\".\n"
        )?;
        let mut depth = 0;
        let is_up = |service: &ServiceStartup| service.ready.is_some();
        match self.healthy.filter(|_| self.critical_chain().all(is_up)) {
            Some(healthy) => {
                write!(f, "healthy @{}", Span(healthy))?;
                depth = 1;
            }
            None if self.chain.is_empty() => return f.write_str("nothing has begun to start"),
            None => {}
        }
        for (index, service) in self.critical_chain().enumerate() {
            if index + depth > 0 {
                write!(f, "\n{:1$}└─", "", (index + depth - 1) * 2)?;
            }
            self.write_line(f, service)?;
        }
        Ok(())
    }
}

impl Startup {
    fn write_line(&self, f: &mut fmt::Formatter<'_>, service: &ServiceStartup) -> fmt::Result {
        write!(f, "{}", service.name)?;
        let Some(starting) = service.starting else {
            return f.write_str(" (never started)");
        };
        let took = service.took();
        let took = took.unwrap_or_else(|| self.age.saturating_sub(starting));
        write!(f, " @{} +{}", Span(starting), Span(took))?;
        match (service.ready, service.failed) {
            (Some(_), _) => Ok(()),
            (None, Some(_)) => f.write_str(" (failed)"),
            (None, None) => f.write_str(" (starting)"),
        }
    }
}

/// A duration as systemd writes it: `1min 2.500s`, `2.250s`, `2s`, `548ms`, `120us`, `0`.
struct Span(Duration);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut seconds, millis) = (self.0.as_secs(), self.0.subsec_millis());
        if seconds == 0 {
            return match (millis, self.0.subsec_micros()) {
                (0, 0) => f.write_str("0"),
                (0, micros) => write!(f, "{micros}us"),
                (millis, _) => write!(f, "{millis}ms"),
            };
        }
        let is_long = seconds >= 60;
        for (unit, length) in [("h", 3_600), ("min", 60)] {
            if seconds >= length {
                write!(f, "{}{unit}", seconds / length)?;
                seconds %= length;
                if seconds > 0 || millis > 0 {
                    f.write_str(" ")?;
                }
            }
        }
        match (seconds, millis) {
            (0, 0) if is_long => Ok(()),
            (seconds, 0) => write!(f, "{seconds}s"),
            (seconds, millis) => write!(f, "{seconds}.{millis:03}s"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_written_as_systemd_writes_them() {
        for (micros, text) in [
            (0, "0"),
            (120, "120us"),
            (548_000, "548ms"),
            (548_900, "548ms"),
            (2_000_000, "2s"),
            (2_250_000, "2.250s"),
            (60_000_000, "1min"),
            (62_500_000, "1min 2.500s"),
            (90_000_000, "1min 30s"),
            (3_600_000_000, "1h"),
            (3_660_000_000, "1h 1min"),
            (3_600_005_000, "1h 0.005s"),
        ] {
            assert_eq!(Span(Duration::from_micros(micros)).to_string(), text);
        }
    }
}
