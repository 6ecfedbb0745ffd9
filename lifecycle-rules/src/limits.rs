//! The deadline and the shutdown delay of a registry go in; whether they fit together comes out.

use std::fmt;
use std::time::Duration;

/// The deadline of a registry that sets none: it fits the 30 s that Kubernetes gives a pod.
pub const DEFAULT_DEADLINE: Duration = Duration::from_secs(25);

/// The delay leaves nothing of the deadline, so that every service would be dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitsProblem {
    deadline: Duration,
    delay: Duration,
}

/// The one rule: something of the deadline is left after the delay. A deadline of zero without a delay
/// is legal and says what it does: the stop waits for no service.
#[must_use]
pub fn check(deadline: Duration, delay: Duration) -> Option<LimitsProblem> {
    let is_too_long = delay >= deadline && !delay.is_zero();
    is_too_long.then_some(LimitsProblem { deadline, delay })
}

impl fmt::Display for LimitsProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { deadline, delay } = self;
        write!(
            f,
            "the shutdown delay of {delay:?} leaves nothing of the deadline of {deadline:?}"
        )
    }
}

impl LimitsProblem {
    /// What to write instead.
    #[must_use]
    pub fn help(&self) -> String {
        let help = "write a shorter delay, or a longer deadline, which includes it";
        if self.deadline == DEFAULT_DEADLINE {
            format!("{help} and is {DEFAULT_DEADLINE:?} unless set")
        } else {
            help.to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::check;

    #[test]
    fn a_delay_ends_before_the_deadline() {
        let check = |deadline, delay| {
            let problem = check(Duration::from_secs(deadline), Duration::from_secs(delay));
            problem.map(|problem| problem.to_string())
        };
        let told = |told: &str| Some(told.to_owned());
        assert_eq!(check(25, 24), None);
        assert_eq!(check(0, 0), None);
        assert_eq!(
            check(25, 25),
            told("the shutdown delay of 25s leaves nothing of the deadline of 25s")
        );
        assert_eq!(
            check(0, 1),
            told("the shutdown delay of 1s leaves nothing of the deadline of 0ns")
        );
    }

    #[test]
    fn the_help_tells_the_default_where_it_is_the_deadline() {
        let help = |deadline| {
            let problem = check(Duration::from_secs(deadline), Duration::MAX);
            problem.map(|problem| problem.help()).unwrap_or_default()
        };
        assert!(help(25).ends_with("which includes it and is 25s unless set"));
        assert!(help(10).ends_with("which includes it"));
    }
}
