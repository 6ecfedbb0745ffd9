//! The registry of names known at run time: every problem at once, in the words of the macro, and the same settings.
//! What is a problem, and its words, is tested where the rules are: `lifecycle-rules/src/graph/tests.rs`.

use lifecycle::{OnFailure, Registry, RegistryBuilder, RegistryError, Restart, State, registry};
use lifecycle_tests::{IdleScript, Journal, hangs, secs, start, takes};

fn idle() -> IdleScript {
    Journal::new().script().idle()
}

/// `sentence (help: ..)`, for each problem.
fn problems(builder: RegistryBuilder) -> Vec<String> {
    let error: RegistryError = builder.build().unwrap_err();
    let text = error.to_string();
    assert_eq!(
        text.lines().count(),
        error.problems().len(),
        "one line each"
    );
    text.lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn what_is_wanted_is_checked_in_the_words_of_the_macro() {
    let builder = Registry::builder()
        .wants(["a"])
        .service("a", idle())
        .wants(["a"])
        .service("b", idle())
        .wants(["zzz", "a", "a"])
        .after(["a"])
        .service("c", idle())
        .after(["d"])
        .service("d", idle())
        .wants(["c"]);
    assert_eq!(
        problems(builder),
        [
            "`wants` was set before any service (help: call `.service(name, service)` first and `.wants(..)` after it)",
            "`a` wants itself (help: remove `\"a\"` from its `wants`)",
            "`b` wants `zzz`, which is not in the registry (help: add a service named `zzz`, or remove it from `wants`)",
            "`b` wants `a` twice (help: remove one `\"a\"`)",
            "`b` has `a` in its `after` and in its `wants` (help: remove one `\"a\"`: with `after` it fails where that fails, with `wants` it goes on)",
            "services depend on each other in a cycle: `c -> d -> c` (help: remove one of these from an `after` or a `wants`, so that one of the services can start first)",
        ]
    );
}

#[tokio::test]
async fn values_that_make_no_restart_policy_are_problems_of_the_service() {
    let policies = [
        Restart::new().backoff(secs(0), secs(1)),
        Restart::new().backoff(secs(2), secs(1)).max(0),
        Restart::new().forever().reset(secs(0)),
        Restart::new().backoff(secs(1), secs(1)).max(1),
    ];
    let mut builder = Registry::builder();
    for (index, policy) in policies.into_iter().enumerate() {
        builder = builder
            .service(format!("feed-{index}"), idle())
            .on_failure(policy);
    }
    assert_eq!(
        problems(builder),
        [
            "`feed-0`: the wait before a restart is zero (help: write a first wait above zero, such as 100 ms)",
            "`feed-1`: the first wait before a restart, 2s, is longer than the longest, 1s (help: write the shorter one first)",
            "`feed-1`: a policy of zero restarts restarts nothing (help: write one restart at least, or `forever`, or another policy: `shutdown` or `ignore`)",
            "`feed-2`: restarts that are forgotten after zero time are never counted (help: write how long a run must have been up for those before it to be forgotten, such as 1 minute)",
        ]
    );
}

#[tokio::test]
async fn a_service_restarts_only_with_what_is_in_its_after() {
    let builder = Registry::builder()
        .service("store", idle())
        .service("cache", idle())
        .restart_with(["store"])
        .service("api", idle())
        .after(["store"])
        .wants(["cache"])
        .restart_with(["store", "cache"]);
    assert_eq!(
        problems(builder),
        [
            "`cache` restarts with `store`, which is not in its `after` (help: add `store` to its `after`, or remove it from `restart_with`)",
            "`api` restarts with `cache`, which is not in its `after` (help: add `cache` to its `after`, or remove it from `restart_with`)",
        ]
    );
}

#[tokio::test]
async fn all_problems_come_at_once_in_source_order() {
    let builder = Registry::builder()
        .on_failure(OnFailure::Ignore)
        .service("Upper", idle())
        .service("a", idle())
        .after(["nowhere"])
        .service("b", idle())
        .after(["c"])
        .service("c", idle())
        .after(["b", "c"])
        .service("a", idle());
    let problems = problems(builder);
    let starts = [
        "`on_failure` was set before",
        "the service name `Upper`",
        "`a` depends on `nowhere`",
        "services depend on each other in a cycle: `b -> c -> b`",
        "`c` depends on itself",
        "another service is already named `a`",
    ];
    assert_eq!(problems.len(), starts.len(), "{problems:#?}");
    for (problem, start) in problems.iter().zip(starts) {
        assert!(problem.starts_with(start), "{problems:#?}");
    }
}

#[tokio::test]
async fn nothing_is_started_and_every_service_is_dropped_when_there_is_a_problem() {
    let journal = Journal::new();
    let held = std::sync::Arc::new(journal.script().idle());
    let builder = Registry::builder().service("a", held.clone()).after(["b"]);
    assert!(builder.build().is_err());
    assert_eq!(std::sync::Arc::strong_count(&held), 1);
    assert_eq!(journal.all(), [""; 0]);
}

#[tokio::test]
async fn a_shutdown_delay_that_leaves_nothing_of_the_deadline_is_a_problem() {
    let builder = || Registry::builder().service("a", idle());
    let told = "the shutdown delay of 10s leaves nothing of the deadline of 10s (help: write a shorter delay, or a longer deadline, which includes it)";
    let stray = "`after` was set before any service (help: call `.service(name, service)` first and `.after(..)` after it)";
    let limits = |builder: RegistryBuilder| builder.deadline(secs(10)).shutdown_delay(secs(10));
    assert_eq!(problems(limits(builder())), [told]);
    let several = limits(Registry::builder().after(["b"]).service("a", idle()));
    assert_eq!(problems(several), [told, stray]);
    assert!(
        builder()
            .deadline(secs(10))
            .shutdown_delay(secs(9))
            .build()
            .is_ok()
    );
    assert_eq!(
        problems(builder().shutdown_delay(secs(60))),
        [
            "the shutdown delay of 60s leaves nothing of the deadline of 25s (help: write a shorter delay, or a longer deadline, which includes it and is 25s unless set)"
        ]
    );
    assert!(
        builder()
            .deadline(secs(0))
            .shutdown_delay(secs(0))
            .build()
            .is_ok()
    );
}

#[tokio::test(start_paused = true)]
async fn the_settings_mean_what_they_mean_in_the_macro() {
    let built = {
        let journal = Journal::new();
        let registry = Registry::builder()
            .deadline(secs(20))
            .shutdown_delay(secs(2))
            .service(
                "a",
                journal
                    .script()
                    .startup(takes(secs(1)))
                    .drain(hangs())
                    .idle(),
            )
            .stop_timeout(secs(4))
            .service("b", journal.script().startup(hangs()).idle())
            .after(["a"])
            .start_timeout(secs(3))
            .on_failure(OnFailure::Ignore)
            .service("c", journal.script().scheduled(secs(5)))
            .after(["a".to_owned()])
            .build();
        play(registry.unwrap(), &journal).await
    };
    let written = {
        let journal = Journal::new();
        let registry = registry! {
            deadline = secs(20),
            shutdown_delay = secs(2),
            "a" => journal.script().startup(takes(secs(1))).drain(hangs()).idle(), stop_timeout = secs(4),
            "b" => journal.script().startup(hangs()).idle(), after = ["a"], start_timeout = secs(3), on_failure = ignore,
            "c" => journal.script().scheduled(secs(5)), after = ["a"],
        };
        play(registry, &journal).await
    };
    assert_eq!(built, written);
}

async fn play(registry: Registry, journal: &Journal) -> Vec<String> {
    let running = start(registry);
    tokio::time::sleep(secs(12)).await;
    let outcome = running.stop().await;
    assert_eq!(outcome.services()[1].state, State::Failed);
    let mut told = journal.timed();
    told.extend(outcome.to_string().lines().map(str::to_owned));
    told
}

#[tokio::test(start_paused = true)]
async fn further_calls_of_after_add_names() {
    let journal = Journal::new();
    let registry = Registry::builder()
        .service("a", journal.script().startup(takes(secs(2))).idle())
        .service("b", journal.script().startup(takes(secs(3))).idle())
        .service("c", journal.script().idle())
        .after(["a"])
        .after(["b"])
        .build();
    let running = start(registry.unwrap());
    running.await_healthy().await.unwrap();
    assert_eq!(journal.at("c: startup"), secs(3));
    running.stop().await.into_result().unwrap();
}
