//! How a run ended: what `main` returns and what a person on call reads.

use std::collections::HashSet;
use std::fmt::{self, Write as _};
use std::io::Write as _;
use std::process::{ExitCode, Termination};
use std::sync::Arc;
use std::time::Duration;

use crate::report::error::ServiceError;
use crate::report::name::Name;
use crate::report::reason::{Reason, Signal};
#[cfg(doc)]
use crate::report::status::OnFailure;
use crate::report::status::{OnLate, Phase, ServiceStatus, State};

/// How a run of a registry ended. It is plain data: holding or dropping one changes nothing.
///
/// Return it from `main`: the process exits with [`exit_code`](Self::exit_code), and when something
/// failed the report (this type's `Display`) is printed to standard error.
///
/// ```no_run
/// # use lifecycle::{Idle, registry, service};
/// # #[service(idle)]
/// # struct Api;
/// # impl Idle for Api {}
/// #[tokio::main]
/// async fn main() -> lifecycle::Outcome {
///     registry! { "api" => Api }.run().await
/// }
/// ```
#[derive(Clone, Debug)]
#[must_use = "return it from `main`, or look at what failed"]
pub struct Outcome {
    pub(crate) reason: Reason,
    pub(crate) failures: Vec<ServiceError>,
    pub(crate) has_fatal: bool,
    pub(crate) laggards: Vec<Laggard>,
    pub(crate) services: Vec<ServiceStatus>,
    /// For each service with more failures than are kept: how many were left out.
    pub(crate) omitted: Vec<(Name, u64)>,
    pub(crate) took: Option<Duration>,
    pub(crate) signal: Option<Signal>,
    /// What the future of `stop_on` panicked with.
    pub(crate) external_panic: Option<Arc<str>>,
}

/// A service, or a part of one, that did not stop in time and was dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Laggard {
    /// Its name in the registry.
    pub service: Name,
    /// What it was doing.
    pub phase: Phase,
    /// How long it had, from when it was asked to stop.
    pub had: Duration,
    /// What that means to the application: under [`OnLate::Ignore`] it is only listed.
    pub on_late: OnLate,
}

impl Laggard {
    /// Whether it makes the outcome unclean.
    pub(crate) fn is_failure(&self) -> bool {
        self.on_late == OnLate::Fail
    }
}

impl fmt::Display for Laggard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "service `{}` did not stop in time: dropped in {} after {:.1?}",
            self.service, self.phase, self.had
        )
    }
}

impl Outcome {
    /// What began the stop.
    #[must_use]
    pub fn reason(&self) -> &Reason {
        &self.reason
    }

    /// The failures, the first cause first; those of services under [`OnFailure::Ignore`] too.
    ///
    /// ```
    /// # use lifecycle::{Context, Oneshot, Result, registry, service};
    /// # #[service(oneshot)] struct Migration;
    /// # impl Oneshot for Migration {
    /// #     async fn run(&self, _: &Context) -> Result { Err("no such table".into()) }
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let outcome = registry! { "migration" => Migration }.run().await;
    /// assert_eq!(outcome.exit_code(), 1);
    /// assert_eq!(outcome.failures()[0].to_string(), "service `migration` failed in run: no such table");
    /// # }
    /// ```
    ///
    /// Of one service the first 16 are kept. The rest is counted: see
    /// [`omitted_failures`](Self::omitted_failures).
    #[must_use]
    pub fn failures(&self) -> &[ServiceError] {
        &self.failures
    }

    /// How many failures are not in [`failures`](Self::failures), because their services had failed too
    /// often. The report has a line for each of these services.
    #[must_use]
    pub fn omitted_failures(&self) -> u64 {
        self.omitted.iter().map(|(_, count)| count).sum()
    }

    /// The services that were restarted, in registry order: how often, and for what the last time, is in their
    /// [status](ServiceStatus::restarts). A failure that a restart has mended is none of the
    /// [`failures`](Self::failures), and leaves the exit code 0.
    pub fn restarted(&self) -> impl Iterator<Item = &ServiceStatus> {
        self.services.iter().filter(|status| status.restarts > 0)
    }

    /// What did not stop in time and was dropped.
    #[must_use]
    pub fn laggards(&self) -> &[Laggard] {
        &self.laggards
    }

    /// The final status of each service, in registry order.
    #[must_use]
    pub fn services(&self) -> &[ServiceStatus] {
        &self.services
    }

    /// The first signal that came while the run was up: the [`reason`](Self::reason) itself, or one
    /// that came while the services were being stopped for another reason, as for a reload. In that
    /// case it stops the next run of the process as soon as it is started, so a loop of runs ends by
    /// itself; a loop that looks here can end at once.
    #[must_use]
    pub fn signal(&self) -> Option<Signal> {
        self.signal
    }

    /// How long the stop took, from the request to the last service down.
    #[must_use]
    pub fn took(&self) -> Option<Duration> {
        self.took
    }

    /// 0 for a clean stop; 1 when a service failed (not those under [`OnFailure::Ignore`]) or the
    /// future of [`stop_on`](crate::Registry::stop_on) panicked, something was dropped because it was
    /// late (not under [`OnLate::Ignore`]), or the registry could not be started. (A second
    /// signal ends the process with 128 plus its number before there is an outcome.)
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        u8::from(!self.is_clean())
    }

    /// `Ok` for a clean stop; otherwise this outcome as an error, for a `main` that returns a
    /// `Result`.
    pub fn into_result(self) -> Result<(), UncleanStop> {
        if self.is_clean() {
            Ok(())
        } else {
            Err(UncleanStop(Box::new(self)))
        }
    }

    /// Prints the report to standard error when something failed.
    pub(crate) fn print_if_unclean(&self) {
        let has_lost = |status: &ServiceStatus| status.queue.is_some_and(|queue| queue.lost > 0);
        if !self.is_clean()
            || !self.failures.is_empty()
            || !self.laggards.is_empty()
            || self.services.iter().any(has_lost)
        {
            // Standard error may be closed: then the report can't be printed.
            let _ = writeln!(std::io::stderr(), "{self}");
        }
    }

    /// Prints the report of a process that is ended because a thread of it is blocked.
    pub(crate) fn print_blocked(&self) {
        let _ = writeln!(
            std::io::stderr(),
            "{self}\nended at the deadline: blocking code does not let go of its thread"
        );
    }

    fn is_clean(&self) -> bool {
        let is_late = self.laggards.iter().any(Laggard::is_failure);
        !self.has_fatal && !is_late && !matches!(self.reason, Reason::NotStarted(_))
    }

    /// One line of counts.
    pub(crate) fn totals(&self) -> Totals<'_> {
        Totals(self)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Reason::NotStarted(error) = &self.reason {
            return write!(f, "not started: {error}");
        }
        write!(f, "stopped: {}", Quoted(&self.reason.to_string()))?;
        let began = match &self.reason {
            Reason::Failure(error) => {
                write!(f, "{}", Age(error))?;
                Some(error.to_string())
            }
            _ => None,
        };
        for error in &self.failures {
            let line = error.to_string();
            if began.as_ref() != Some(&line) {
                write!(f, "\n  {}{}", Quoted(&line), Age(error))?;
            }
        }
        for (service, count) in &self.omitted {
            let times = if *count == 1 { "time" } else { "times" };
            write!(f, "\n  service `{service}` failed {count} more {times}")?;
        }
        let began_outside = matches!(self.reason, Reason::ExternalPanicked(_));
        if let Some(message) = self.external_panic.as_ref().filter(|_| !began_outside) {
            let reason = Reason::ExternalPanicked(message.clone()).to_string();
            write!(f, "\n  {}", Quoted(&reason))?;
        }
        for laggard in &self.laggards {
            write!(f, "\n  {laggard}")?;
        }
        for status in &self.services {
            let dropped = status.queue.map_or(0, |queue| queue.dropped);
            if dropped > 0 {
                let items = if dropped == 1 { "item" } else { "items" };
                write!(
                    f,
                    "\n  service `{}` dropped {dropped} accepted {items} to make room for newer ones",
                    status.name
                )?;
            }
            let lost = status.queue.map_or(0, |queue| queue.lost);
            if lost > 0 {
                let items = if lost == 1 { "item" } else { "items" };
                write!(
                    f,
                    "\n  service `{}` lost {lost} accepted {items}",
                    status.name
                )?;
                if let Some(why) = &status.flush_error {
                    write!(f, ": {}", Quoted(why))?;
                }
            }
        }
        for status in self.restarted() {
            write!(f, "\n  {}", Restarted(status))?;
        }
        write!(f, "\n{}", self.totals())
    }
}

/// How often a service was restarted, and the last reason.
struct Restarted<'a>(&'a ServiceStatus);

impl fmt::Display for Restarted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ServiceStatus {
            name,
            restarts,
            last_error,
            ..
        } = self.0;
        let times = if *restarts == 1 { "time" } else { "times" };
        write!(f, "service `{name}` was restarted {restarts} {times}")?;
        let Some(error) = last_error else {
            return Ok(());
        };
        // The sentence of an error begins with the same words.
        let sentence = error.to_string();
        let own = format!("service `{name}` ");
        let what = sentence.strip_prefix(&own).unwrap_or(&sentence);
        write!(f, ": the last time it {}{}", Quoted(what), Age(error))
    }
}

/// Text that user code wrote. Its further lines are indented, so that they can't pass for lines of the
/// report, and its control characters are escaped, so that they can't change the terminal.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, line) in self.0.trim_end().lines().enumerate() {
            if number > 0 {
                f.write_str("\n      ")?;
            }
            for letter in line.chars() {
                if letter.is_control() && letter != '\t' {
                    write!(f, "{}", letter.escape_default())?;
                } else {
                    f.write_char(letter)?;
                }
            }
        }
        Ok(())
    }
}

/// How long after the start an error came; printed behind the error.
struct Age<'a>(&'a ServiceError);

impl fmt::Display for Age<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, " (after {:.1?})", self.0.after())
    }
}

pub(crate) struct Totals<'a>(&'a Outcome);

impl fmt::Display for Totals<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Outcome {
            services,
            failures,
            laggards,
            took,
            ..
        } = self.0;
        let count = |state| {
            let services = services.iter();
            services.filter(|status| status.state == state).count()
        };
        write!(
            f,
            "{} {}: {} stopped, {} failed",
            services.len(),
            if services.len() == 1 {
                "service"
            } else {
                "services"
            },
            count(State::Stopped),
            count_named(failures.iter().map(ServiceError::service))
        )?;
        write!(
            f,
            ", {} late",
            count_named(laggards.iter().map(|laggard| &laggard.service))
        )?;
        match count(State::Disabled) {
            0 => {}
            disabled => write!(f, ", {disabled} disabled")?,
        }
        match took {
            Some(took) => write!(f, "; stopping took {took:.1?}"),
            None => Ok(()),
        }
    }
}

fn count_named<'a>(names: impl Iterator<Item = &'a Name>) -> usize {
    names.collect::<HashSet<_>>().len()
}

impl Termination for Outcome {
    fn report(self) -> ExitCode {
        self.print_if_unclean();
        ExitCode::from(self.exit_code())
    }
}

/// An [`Outcome`] that was not clean, as an error. Its `Display` is the whole report, and so is its
/// `Debug`, which is what a `main` that returns an error prints.
#[derive(Clone, thiserror::Error)]
#[error("{0}")]
pub struct UncleanStop(Box<Outcome>);

impl fmt::Debug for UncleanStop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl UncleanStop {
    /// The outcome itself.
    pub fn outcome(&self) -> &Outcome {
        &self.0
    }
}
