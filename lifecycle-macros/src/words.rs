//! A word as typed goes in, which other libraries may have for it; ours comes out.
//!
//! Whoever writes `fixed_rate`, `depends_on` or `background` is not near any word of ours in its
//! letters, and yet the meaning is plain.

use lifecycle_rules::suggest;

/// Ours, and what else it may be called.
const MEANINGS: &[(&str, &[&str])] = &[
    (
        "idle",
        &[
            "passive", "none", "noop", "manual", "plain", "simple", "provider",
        ],
    ),
    (
        "scheduled",
        &[
            "cron",
            "every",
            "periodic",
            "recurring",
            "repeat",
            "ticker",
            "timer",
        ],
    ),
    (
        "queue",
        &["batch", "batched", "batcher", "buffer", "buffered"],
    ),
    (
        "worker",
        &[
            "background",
            "daemon",
            "forever",
            "hosted",
            "long_running",
            "loop",
            "run",
            "server",
            "task",
        ],
    ),
    (
        "oneshot",
        &[
            "init",
            "job",
            "migration",
            "once",
            "run_once",
            "startup_task",
        ],
    ),
    (
        "interval",
        &["every", "fixed_rate", "fixedRate", "period", "rate"],
    ),
    ("delay", &["fixed_delay", "fixedDelay", "pause"]),
    ("initial_delay", &["initialDelay", "start_delay"]),
    ("tick_timeout", &["limit", "max_duration", "timeout"]),
    ("on_error", &["error", "error_policy", "on_failure"]),
    ("max_failures", &["failures", "max_errors", "threshold"]),
    (
        "missed",
        &["missed_tick", "missed_tick_behavior", "misfire", "overrun"],
    ),
    (
        "size",
        &["batch_size", "capacity", "count", "max", "max_size"],
    ),
    (
        "attempts",
        &["max_attempts", "max_retries", "retries", "tries"],
    ),
    ("retry", &["backoff"]),
    (
        "after",
        &["dependencies", "depends", "depends_on", "needs", "requires"],
    ),
    (
        "wants",
        &["optional", "optionally", "prefers", "soft_after"],
    ),
    ("start_timeout", &["startup_timeout"]),
    ("stop_timeout", &["shutdown_timeout", "timeout"]),
    (
        "deadline",
        &[
            "grace_period",
            "shutdown_timeout",
            "stop_timeout",
            "timeout",
        ],
    ),
    ("shutdown_delay", &["delay", "pre_stop"]),
    (
        "on_failure",
        &["failure", "failure_policy", "on_error", "policy"],
    ),
    ("crate", &["krate", "path"]),
];

/// What to write instead: the known word that is near, the one that means the same, or all of them
/// where they are few.
pub(crate) fn instead(typed: &str, known: &[&str]) -> Option<String> {
    meant(typed, known).or_else(|| suggest::instead(typed, known))
}

/// The known word that is near, or the one that means the same.
pub(crate) fn meant(typed: &str, known: &[&str]) -> Option<String> {
    let near = suggest::nearest(typed, known);
    let word = near.or_else(|| {
        MEANINGS
            .iter()
            .filter(|(ours, others)| known.contains(ours) && others.contains(&typed))
            .map(|(ours, _)| *ours)
            .next()
    });
    word.map(|word| format!("did you mean `{word}`?"))
}

#[cfg(test)]
mod tests {
    use super::{instead, meant};

    #[test]
    fn a_near_word_comes_before_one_of_the_same_meaning() {
        let told = |typed, known: &[&str]| instead(typed, known).unwrap_or_default();
        assert_eq!(
            told("every", &["interval", "delay"]),
            "did you mean `interval`?"
        );
        assert_eq!(
            told("timeout", &["stop_timeout"]),
            "did you mean `stop_timeout`?"
        );
        assert_eq!(
            told("delays", &["shutdown_delay", "delay"]),
            "did you mean `delay`?"
        );
        assert_eq!(
            told("colour", &["interval", "delay"]),
            "write `interval` or `delay`"
        );
        assert_eq!(meant("colour", &["interval", "delay"]), None);
        assert_eq!(meant("every", &["delay"]), None);
    }
}
