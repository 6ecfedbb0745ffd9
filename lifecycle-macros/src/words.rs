//! Every word of the macros' language, once, with its synonyms: shapes, their options, settings.
//!
//! A synonym, such as `fixed_rate`, `depends_on` or `background`, is a word of other libraries. It is
//! not spelt like any word here, but its meaning is plain.

use lifecycle_rules::suggest;

// What stands between the parentheses of `#[service(..)]`.
pub(crate) const CRATE: &str = "crate";
pub(crate) const IDLE: &str = "idle";
pub(crate) const SCHEDULED: &str = "scheduled";
pub(crate) const QUEUE: &str = "queue";
pub(crate) const WORKER: &str = "worker";
pub(crate) const SERVER: &str = "server";
pub(crate) const ONESHOT: &str = "oneshot";
pub(crate) const BACKGROUND: &str = "background";
pub(crate) const STARTUP: &str = "startup";

pub(crate) const SHAPES: [&str; 6] = [IDLE, SCHEDULED, QUEUE, WORKER, SERVER, ONESHOT];

// The options of `scheduled(..)`, `queue(..)` and `startup(..)`.
pub(crate) const INTERVAL: &str = "interval";
pub(crate) const DELAY: &str = "delay";
pub(crate) const CRON: &str = "cron";
pub(crate) const TZ: &str = "tz";
pub(crate) const FIRST: &str = "first";
pub(crate) const INITIAL_DELAY: &str = "initial_delay";
pub(crate) const JITTER: &str = "jitter";
pub(crate) const MISSED: &str = "missed";
pub(crate) const TICK_TIMEOUT: &str = "tick_timeout";
pub(crate) const ON_ERROR: &str = "on_error";
pub(crate) const ON_PANIC: &str = "on_panic";
pub(crate) const MAX_FAILURES: &str = "max_failures";
pub(crate) const CATCH_UP: &str = "catch_up";
pub(crate) const SIZE: &str = "size";
pub(crate) const RETRY: &str = "retry";
pub(crate) const ATTEMPTS: &str = "attempts";
pub(crate) const ATTEMPTS_USED_UP: &str = "attempts_used_up";
pub(crate) const FLUSH_TIMEOUT: &str = "flush_timeout";
pub(crate) const OVERFLOW: &str = "overflow";

pub(crate) const SCHEDULED_OPTIONS: &[&str] = &[
    INTERVAL,
    DELAY,
    CRON,
    TZ,
    FIRST,
    INITIAL_DELAY,
    JITTER,
    MISSED,
    TICK_TIMEOUT,
    ON_ERROR,
    ON_PANIC,
    MAX_FAILURES,
    CATCH_UP,
];
pub(crate) const QUEUE_OPTIONS: &[&str] = &[
    SIZE,
    INTERVAL,
    RETRY,
    ATTEMPTS,
    ATTEMPTS_USED_UP,
    FLUSH_TIMEOUT,
    OVERFLOW,
];
pub(crate) const STARTUP_OPTIONS: &[&str] = &[RETRY];

// The settings in `registry!`.
pub(crate) const DEADLINE: &str = "deadline";
pub(crate) const SHUTDOWN_DELAY: &str = "shutdown_delay";
pub(crate) const ON_HANGUP: &str = "on_hangup";
pub(crate) const LEASES: &str = "leases";
pub(crate) const LEASE_TERM: &str = "lease_term";
pub(crate) const MEMORY: &str = "memory";
pub(crate) const AFTER: &str = "after";
pub(crate) const WANTS: &str = "wants";
pub(crate) const BEFORE: &str = "before";
pub(crate) const START_TIMEOUT: &str = "start_timeout";
pub(crate) const STOP_TIMEOUT: &str = "stop_timeout";
pub(crate) const ON_FAILURE: &str = "on_failure";
pub(crate) const ON_LATE: &str = "on_late";
pub(crate) const RESTART_WITH: &str = "restart_with";
pub(crate) const REPLICAS: &str = "replicas";

// The policy `restart(..)` and its options.
pub(crate) const RESTART: &str = "restart";
pub(crate) const BACKOFF: &str = "backoff";
pub(crate) const MAX: &str = "max";
pub(crate) const RESET: &str = "reset";
pub(crate) const THEN: &str = "then";

pub(crate) const RESTART_OPTIONS: [&str; 4] = [BACKOFF, MAX, RESET, THEN];

pub(crate) const REGISTRY_SETTINGS: [&str; 6] = [
    DEADLINE,
    SHUTDOWN_DELAY,
    ON_HANGUP,
    LEASES,
    LEASE_TERM,
    MEMORY,
];
pub(crate) const SERVICE_SETTINGS: [&str; 9] = [
    AFTER,
    WANTS,
    BEFORE,
    START_TIMEOUT,
    STOP_TIMEOUT,
    ON_FAILURE,
    ON_LATE,
    RESTART_WITH,
    REPLICAS,
];

/// Each word, and what other libraries call the same.
const SYNONYMS: &[(&str, &[&str])] = &[
    (
        IDLE,
        &[
            "passive", "none", "noop", "manual", "plain", "simple", "provider",
        ],
    ),
    (
        SCHEDULED,
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
        QUEUE,
        &["batch", "batched", "batcher", "buffer", "buffered"],
    ),
    (
        WORKER,
        &[
            "background",
            "daemon",
            "forever",
            "hosted",
            "long_running",
            "loop",
            "run",
            "task",
        ],
    ),
    (
        SERVER,
        &["api", "grpc", "http", "listen", "listener", "serve", "tcp"],
    ),
    (
        ONESHOT,
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
        INTERVAL,
        &["every", "fixed_rate", "fixedRate", "period", "rate"],
    ),
    (DELAY, &["fixed_delay", "fixedDelay", "pause"]),
    (INITIAL_DELAY, &["initialDelay", "start_delay"]),
    (TICK_TIMEOUT, &["limit", "max_duration", "timeout"]),
    (ON_ERROR, &["error", "error_policy", "on_failure"]),
    (
        ON_PANIC,
        &[
            "catch_panic",
            "catch_unwind",
            "panic",
            "panic_policy",
            "panics",
        ],
    ),
    (MAX_FAILURES, &["failures", "max_errors", "threshold"]),
    (
        MISSED,
        &["missed_tick", "missed_tick_behavior", "misfire", "overrun"],
    ),
    (
        CATCH_UP,
        &[
            "catchup",
            "late",
            "lookback",
            "make_up",
            "misfire_grace_time",
            "window",
        ],
    ),
    (
        SIZE,
        &["batch_size", "capacity", "count", "max", "max_size"],
    ),
    (
        ATTEMPTS,
        &["max_attempts", "max_retries", "retries", "tries"],
    ),
    (
        ATTEMPTS_USED_UP,
        &["exhausted", "give_up", "on_exhausted", "on_give_up"],
    ),
    (FLUSH_TIMEOUT, &["limit", "max_duration", "timeout"]),
    (
        OVERFLOW,
        &["backpressure", "full", "lossy", "on_full", "when_full"],
    ),
    (RETRY, &["backoff"]),
    (
        AFTER,
        &["dependencies", "depends", "depends_on", "needs", "requires"],
    ),
    (WANTS, &["optional", "optionally", "prefers", "soft_after"]),
    (BEFORE, &["base", "before_all"]),
    (START_TIMEOUT, &["startup_timeout"]),
    (STOP_TIMEOUT, &["shutdown_timeout", "timeout"]),
    (
        DEADLINE,
        &[
            "grace_period",
            "shutdown_timeout",
            "stop_timeout",
            "timeout",
        ],
    ),
    (SHUTDOWN_DELAY, &["delay", "pre_stop"]),
    (
        MEMORY,
        &["history", "job_store", "remember", "state", "store"],
    ),
    (ON_HANGUP, &["hangup", "hup", "on_sighup", "sighup"]),
    (
        ON_FAILURE,
        &["failure", "failure_policy", "on_error", "policy"],
    ),
    (ON_LATE, &["late", "on_deadline"]),
    (RESTART_WITH, &["bind_to", "binds_to", "part_of"]),
    (LEASES, &["election", "lease", "lease_store", "locks"]),
    (LEASE_TERM, &["lease_duration", "lease_time", "term", "ttl"]),
    (
        REPLICAS,
        &[
            "instances",
            "leader",
            "leader_only",
            "one_replica",
            "singleton",
        ],
    ),
    (BACKOFF, &["delay", "interval", "retry", "wait"]),
    (
        MAX,
        &[
            "attempts",
            "limit",
            "max_restarts",
            "max_retries",
            "retries",
            "times",
            "tries",
        ],
    ),
    (RESET, &["forget", "period", "stable", "window", "within"]),
    (THEN, &["finally", "on_failure", "otherwise"]),
    (CRATE, &["krate", "path"]),
];

/// What to write instead of `typed`: the known word with similar letters, the one with the same
/// meaning, or all of them if they are few.
pub(crate) fn instead(typed: &str, known: &[&str]) -> Option<String> {
    meant(typed, known).or_else(|| suggest::instead(typed, known))
}

/// The known word with similar letters, or the one with the same meaning.
pub(crate) fn meant(typed: &str, known: &[&str]) -> Option<String> {
    let near = suggest::nearest(typed, known);
    let word = near.or_else(|| {
        SYNONYMS
            .iter()
            .filter(|(word, others)| known.contains(word) && others.contains(&typed))
            .map(|(word, _)| *word)
            .next()
    });
    word.map(|word| format!("did you mean `{word}`?"))
}

/// Whether `#[service(..)]` takes an argument of this name, at any depth.
pub(crate) fn is_argument(name: &str) -> bool {
    let options = [SCHEDULED_OPTIONS, QUEUE_OPTIONS, STARTUP_OPTIONS];
    SHAPES.contains(&name) || name == STARTUP || options.concat().contains(&name)
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
