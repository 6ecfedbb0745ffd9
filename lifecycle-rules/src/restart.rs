//! The values of a restart policy and the names of `restart_with` go in; their problems come out.

use std::fmt;
use std::time::Duration;

use crate::{name, suggest};

/// The first and the longest wait of a policy that sets none.
pub const DEFAULT_BACKOFF: (Duration, Duration) =
    (Duration::from_millis(100), Duration::from_secs(30));

/// How many restarts in a row there are, unless a policy says otherwise.
pub const DEFAULT_MAX: u32 = 10;

/// How long a run must have been up for the restarts before it to be forgotten, unless a policy says
/// otherwise.
pub const DEFAULT_RESET: Duration = Duration::from_secs(60);

/// What is wrong with the values of a restart policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RestartProblem {
    /// The first wait is zero.
    NoWait,
    /// The first wait is longer than the longest.
    Reversed {
        /// The first wait.
        from: Duration,
        /// The longest one.
        up_to: Duration,
    },
    /// No restart is allowed.
    NoRestart,
    /// Restarts are forgotten after no time, so they are never counted.
    NoReset,
}

/// The problem of two waits, the first and the longest, if there is one.
#[must_use]
pub fn check_backoff(from: Duration, up_to: Duration) -> Option<RestartProblem> {
    if from.is_zero() {
        Some(RestartProblem::NoWait)
    } else if from > up_to {
        Some(RestartProblem::Reversed { from, up_to })
    } else {
        None
    }
}

/// The problem of a number of restarts, if there is one.
#[must_use]
pub fn check_max(max: u32) -> Option<RestartProblem> {
    (max == 0).then_some(RestartProblem::NoRestart)
}

/// The problem of the time after which restarts are forgotten, if there is one.
#[must_use]
pub fn check_reset(reset: Duration) -> Option<RestartProblem> {
    reset.is_zero().then_some(RestartProblem::NoReset)
}

impl fmt::Display for RestartProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoWait => f.write_str("the wait before a restart is zero"),
            Self::Reversed { from, up_to } => write!(
                f,
                "the first wait before a restart, {from:?}, is longer than the longest, {up_to:?}"
            ),
            Self::NoRestart => f.write_str("a policy of zero restarts restarts nothing"),
            Self::NoReset => {
                f.write_str("restarts that are forgotten after zero time are never counted")
            }
        }
    }
}

impl RestartProblem {
    /// What to write instead.
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            Self::NoWait => "write a first wait above zero, such as 100 ms",
            Self::Reversed { .. } => "write the shorter one first",
            Self::NoRestart => {
                "write one restart at least, or `forever`, or another policy: `shutdown` or `ignore`"
            }
            Self::NoReset => {
                "write how long a run must have been up for those before it to be forgotten, such as 1 minute"
            }
        }
        .to_owned()
    }
}

/// What is wrong with a name in the `restart_with` of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(
    missing_docs,
    reason = "`service` is the one at fault, `dependency` a name in its list"
)]
pub enum RestartWithProblem {
    /// It does not depend on that one; `instead` is a name in its `after` that is near.
    NotAfter {
        service: String,
        dependency: String,
        instead: Option<String>,
    },
    /// It names that one twice.
    Repeated { service: String, dependency: String },
}

/// The problems of the names in the `restart_with` of a service, each with its place in the list. `after` are the
/// names in its `after`.
#[must_use]
pub fn check_restart_with(
    service: &str,
    after: &[&str],
    restart_with: &[&str],
) -> Vec<(usize, RestartWithProblem)> {
    let problem = |(index, &name): (usize, &&str)| {
        let (service, dependency) = (service.to_owned(), name.to_owned());
        let problem = if restart_with[..index].contains(&name) {
            RestartWithProblem::Repeated {
                service,
                dependency,
            }
        } else if after.contains(&name) {
            return None;
        } else {
            RestartWithProblem::NotAfter {
                service,
                dependency,
                instead: suggest::nearest(name, after).map(str::to_owned),
            }
        };
        Some((index, problem))
    };
    restart_with
        .iter()
        .enumerate()
        .filter_map(problem)
        .collect()
}

impl fmt::Display for RestartWithProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAfter {
                service,
                dependency,
                ..
            } => write!(
                f,
                "{} restarts with {}, which is not in its `after`",
                code(service),
                code(dependency)
            ),
            Self::Repeated {
                service,
                dependency,
            } => write!(
                f,
                "{} restarts with {} twice",
                code(service),
                code(dependency)
            ),
        }
    }
}

impl RestartWithProblem {
    /// What to write instead.
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            Self::NotAfter {
                instead: Some(instead),
                ..
            } => format!("did you mean {}?", code(instead)),
            Self::NotAfter { dependency, .. } => format!(
                "add {} to its `after`, or remove it from `restart_with`",
                code(dependency)
            ),
            Self::Repeated { dependency, .. } => format!("remove one {}", code(dependency)),
        }
    }
}

fn code(text: &str) -> String {
    format!("`{}`", name::shorten(text).escape_debug())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told<P: fmt::Display>(problem: Option<P>) -> Option<String> {
        problem.map(|problem| problem.to_string())
    }

    #[test]
    fn waits_begin_above_zero_and_grow() {
        let check = |from, up_to| {
            told(check_backoff(
                Duration::from_secs(from),
                Duration::from_secs(up_to),
            ))
        };
        assert_eq!(check(1, 1), None);
        assert_eq!(check(1, 30), None);
        let zero = Some("the wait before a restart is zero".to_owned());
        assert_eq!(check(0, 30), zero);
        assert_eq!(check(0, 0), zero);
        let reversed = "the first wait before a restart, 30s, is longer than the longest, 1s";
        assert_eq!(check(30, 1), Some(reversed.to_owned()));
    }

    #[test]
    fn there_is_one_restart_at_least_and_a_time_to_forget_it() {
        assert_eq!(check_max(1), None);
        assert_eq!(check_max(0), Some(RestartProblem::NoRestart));
        assert_eq!(check_reset(Duration::from_nanos(1)), None);
        assert_eq!(check_reset(Duration::ZERO), Some(RestartProblem::NoReset));
    }

    #[test]
    fn the_defaults_are_sound() {
        let (from, up_to) = DEFAULT_BACKOFF;
        assert_eq!(check_backoff(from, up_to), None);
        assert_eq!(check_max(DEFAULT_MAX), None);
        assert_eq!(check_reset(DEFAULT_RESET), None);
    }

    #[test]
    fn a_service_restarts_with_what_it_depends_on() {
        let check = |after: &[&str], with: &[&str]| -> Vec<String> {
            let problems = check_restart_with("api", after, with).into_iter();
            problems
                .map(|(index, problem)| format!("{index}: {problem}; {}", problem.help()))
                .collect()
        };
        assert_eq!(check(&["store", "cache"], &["store"]), [""; 0]);
        assert_eq!(
            check(&["store"], &["sture", "store", "feed", "store"]),
            [
                "0: `api` restarts with `sture`, which is not in its `after`; did you mean `store`?",
                "2: `api` restarts with `feed`, which is not in its `after`; add `feed` to its `after`, or remove it from `restart_with`",
                "3: `api` restarts with `store` twice; remove one `store`",
            ]
        );
    }
}
