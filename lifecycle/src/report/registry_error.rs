//! What is wrong with a registry, all of it at once.

use std::fmt;
use std::time::Duration;

use lifecycle_rules::graph::Found;
use lifecycle_rules::limits;
use lifecycle_rules::restart::{RestartProblem, RestartWithProblem};
use lifecycle_rules::suggest;

use crate::report::name::Name;
use crate::report::status::OnFailure;

/// Everything that is wrong with a registry. Its `Display` lists all problems, each with what to do
/// about it, and so does its `Debug`, which is what a `main` that returns an error prints.
///
/// ```
/// # use lifecycle::{Idle, Registry, service};
/// # #[service(idle)] struct Store;
/// # impl Idle for Store {}
/// let error = Registry::builder()
///     .service("store", Store)
///     .service("api", Store)
///     .after(["stor"])
///     .build()
///     .unwrap_err();
/// assert_eq!(error.problems().len(), 1);
/// assert!(error.to_string().contains("did you mean `store`?"));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct RegistryError {
    pub(crate) problems: Vec<RegistryProblem>,
}

/// One thing that is wrong with a registry. Its `Display` is one sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistryProblem {
    sentence: String,
    help: String,
}

impl RegistryError {
    /// The problems, in the order of the services they were found at.
    #[must_use]
    pub fn problems(&self) -> &[RegistryProblem] {
        &self.problems
    }
}

impl From<RegistryProblem> for RegistryError {
    fn from(problem: RegistryProblem) -> Self {
        Self {
            problems: vec![problem],
        }
    }
}

impl From<Found> for RegistryProblem {
    fn from(Found { problem, .. }: Found) -> Self {
        Self {
            sentence: problem.to_string(),
            help: problem.help(),
        }
    }
}

impl From<RestartWithProblem> for RegistryProblem {
    fn from(problem: RestartWithProblem) -> Self {
        Self {
            sentence: problem.to_string(),
            help: problem.help(),
        }
    }
}

impl RegistryProblem {
    /// The problem with the registry's own settings, if there is one. Defaults are checked too.
    pub(crate) fn of(deadline: Duration, shutdown_delay: Duration) -> Option<Self> {
        let problem = limits::check(deadline, shutdown_delay)?;
        Some(Self {
            sentence: problem.to_string(),
            help: problem.help(),
        })
    }

    /// The problems with the policy of a service, if it restarts.
    pub(crate) fn of_policy(service: &str, policy: OnFailure) -> Vec<Self> {
        let OnFailure::Restart(restart) = policy else {
            return Vec::new();
        };
        let problem = |problem: RestartProblem| Self {
            sentence: format!("`{service}`: {problem}"),
            help: problem.help(),
        };
        restart.problems().map(problem).collect()
    }

    /// A service would be started that needs a disabled one.
    pub(crate) fn disabled(service: &Name, dependency: &Name) -> Self {
        Self {
            sentence: format!("`{service}` depends on `{dependency}`, which is disabled"),
            help: format!(
                "name `{dependency}` in the `wants` of `{service}` if it can do without, or disable `{service}` too"
            ),
        }
    }

    /// The term of the leases is no time at all.
    pub(crate) fn of_term(term: Option<Duration>) -> Option<Self> {
        term.filter(Duration::is_zero).map(|_| Self {
            sentence: "the `lease_term` is zero".to_owned(),
            help: "use a term of some seconds, or leave it out: it is 30 s then".to_owned(),
        })
    }

    /// One replica is to run the service, and there is no store of leases.
    pub(crate) fn without_leases(service: &Name) -> Self {
        Self {
            sentence: format!("one replica runs `{service}`, and there are no `leases`"),
            help: "name the store that all replicas share: `.leases(store)`".to_owned(),
        }
    }

    /// One replica is to run a service whose value is `None`: it would hold a lease for nothing.
    pub(crate) fn disabled_lease(service: &Name) -> Self {
        Self {
            sentence: format!("one replica runs `{service}`, which is disabled"),
            help: format!(
                "register `{service}` with a value, or leave out that one replica runs it"
            ),
        }
    }

    /// A target without services.
    pub(crate) fn empty_target() -> Self {
        Self {
            sentence: "`only` names no service".to_owned(),
            help: "name a service, or leave `only` out to start them all".to_owned(),
        }
    }

    /// A target names a service whose value is `None`.
    pub(crate) fn disabled_target(name: &Name) -> Self {
        Self {
            sentence: format!("`only` names `{name}`, which is disabled"),
            help: format!("register `{name}` with a value, or leave it out of `only`"),
        }
    }

    /// A target names a service that there is not.
    pub(crate) fn unknown_target(name: &Name, known: &[&str]) -> Self {
        let help = suggest::instead(name, known);
        Self {
            sentence: format!("`only` names `{name}`, which is not in the registry"),
            help: help.unwrap_or_else(|| "write the name of a service of this registry".to_owned()),
        }
    }

    /// The problem with a setting of a service that precedes every service.
    pub(crate) fn stray(setting: &str) -> Self {
        Self {
            sentence: format!("`{setting}` was set before any service"),
            help: format!("call `.service(name, service)` first and `.{setting}(..)` after it"),
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> &str {
        &self.help
    }
}

impl fmt::Display for RegistryProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}

impl fmt::Display for RegistryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            let line_break = if index == 0 { "" } else { "\n" };
            write!(f, "{line_break}{problem} (help: {})", problem.help)?;
        }
        Ok(())
    }
}

debug_as_display! { RegistryError }

impl std::error::Error for RegistryError {}
