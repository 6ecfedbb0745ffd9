//! Base services: `before = all`, rules 5, 6 and 17.
//!
//! The kind of fault this is about: a service that everything else stands on (logging, metrics, secrets) had to be in the
//! `after` of every other, and the one entry that forgot it started before it, or outlived it. To it belong entries with
//! and without dependencies of their own, several base services and their order, one that fails, finishes or hangs, and
//! the way down.

use lifecycle::{OnFailure, Registry, State, registry};
use lifecycle_tests::{
    Journal, fails, hangs, panics, secs, start, state_of, states, takes, until_stopped,
};
use tokio::time::sleep;

#[tokio::test(start_paused = true)]
async fn a_base_service_is_up_before_every_other_starts() {
    let journal = Journal::new();
    let running = start(registry! {
        "lone" => journal.script().idle(),
        "sdk" => journal.script().startup(takes(secs(3))).idle(), before = all,
        "store" => journal.script().startup(takes(secs(1))).idle(),
        "api" => journal.script().idle(), after = ["store"],
    });
    sleep(secs(2)).await;
    assert_eq!(
        states(&running.handle()),
        [
            "lone: waiting",
            "sdk: starting",
            "store: waiting",
            "api: waiting"
        ]
    );
    running.await_healthy().await.unwrap();
    assert_eq!(journal.at("lone: startup"), secs(3));
    assert_eq!(journal.at("api: startup"), secs(4));
}

#[tokio::test(start_paused = true)]
async fn a_base_service_stops_after_every_other() {
    let journal = Journal::new();
    let running = start(registry! {
        "lone" => journal.script().drain(takes(secs(3))).idle(),
        "sdk" => journal.script().idle(), before = all,
        "store" => journal.script().drain(takes(secs(1))).idle(),
        "api" => journal.script().drain(takes(secs(1))).idle(), after = ["store"],
    });
    running.await_healthy().await.unwrap();
    running.stop().await.into_result().unwrap();
    assert_eq!(journal.at("store: drain"), secs(1));
    assert_eq!(journal.at("sdk: drain"), secs(3));
}

#[tokio::test(start_paused = true)]
async fn base_services_start_together_or_in_their_own_order() {
    let journal = Journal::new();
    let running = start(registry! {
        "trace" => journal.script().startup(takes(secs(2))).idle(), before = all,
        "api" => journal.script().drain(takes(secs(1))).idle(),
        "metrics" => journal.script().drain(takes(secs(1))).idle(), before = all, after = ["log"],
        "log" => journal.script().startup(takes(secs(1))).idle(), before = all,
    });
    running.await_healthy().await.unwrap();
    assert_eq!(journal.at("trace: startup"), secs(0));
    assert_eq!(journal.at("log: startup"), secs(0));
    assert_eq!(journal.at("metrics: startup"), secs(1));
    assert_eq!(journal.at("api: startup"), secs(2));
    running.stop().await.into_result().unwrap();
    assert_eq!(journal.at("trace: drain"), secs(3));
    assert_eq!(journal.at("metrics: drain"), secs(3));
    assert_eq!(journal.at("log: drain"), secs(4));
}

#[tokio::test(start_paused = true)]
async fn a_base_oneshot_has_succeeded_before_every_other_starts() {
    let journal = Journal::new();
    let running = start(registry! {
        "api" => journal.script().idle(),
        "migrate" => journal.script().run(takes(secs(5))).oneshot(), before = all,
    });
    running.await_healthy().await.unwrap();
    assert_eq!(journal.at("api: startup"), secs(5));
}

/// Order, and no need: a service that can do without names it nowhere, and one that can't in its `after`.
#[tokio::test(start_paused = true)]
async fn a_base_service_that_fails_under_ignore_takes_only_those_along_that_need_it() {
    for startup in [fails("no collector"), panics("no collector"), hangs()] {
        let journal = Journal::new();
        let running = start(registry! {
            "sdk" => journal.script().startup(startup).idle(), before = all, start_timeout = secs(2), on_failure = ignore,
            "push" => journal.script().idle(), after = ["sdk"], on_failure = ignore,
            "api" => journal.script().idle(),
        });
        running.await_healthy().await.unwrap();
        assert_eq!(
            states(&running.handle()),
            ["sdk: failed", "push: failed", "api: running"]
        );
        assert_eq!(running.stop().await.exit_code(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_starts_when_a_base_service_ends_the_application() {
    let journal = Journal::new();
    let running = start(registry! {
        "api" => journal.script().idle(),
        "sdk" => journal.script().startup(takes(secs(1)).then(fails("no key"))).idle(), before = all,
    });
    running.wait().await;
    sleep(secs(5)).await;
    assert_eq!(state_of(&running.handle(), "api"), State::Waiting);
    assert_eq!(running.stop().await.exit_code(), 1);
    assert_eq!(journal.of("api"), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_base_service_is_flushed_though_everything_above_it_hangs() {
    let journal = Journal::new();
    let running = start(registry! {
        deadline = "16s",
        "sdk" => journal.script().drain(takes(secs(1))).idle(), before = all,
        "api" => journal.script().run(hangs()).drain(hangs()).worker(), stop_timeout = "1h",
        "jobs" => journal.script().run(hangs()).drain(hangs()).worker(), stop_timeout = "1h",
    });
    running.await_healthy().await.unwrap();
    let outcome = running.stop().await;
    assert_eq!(journal.at("sdk: drain"), secs(12));
    assert_eq!(journal.count("sdk: drain done"), 1);
    assert_eq!(outcome.laggards().len(), 4, "{outcome}");
}

#[tokio::test(start_paused = true)]
async fn all_may_be_base_services_or_the_only_one() {
    let journal = Journal::new();
    let running = start(registry! {
        "a" => journal.script().idle(), before = all,
        "b" => journal.script().run(until_stopped()).worker(), before = all,
    });
    running.await_healthy().await.unwrap();
    running.stop().await.into_result().unwrap();
}

#[tokio::test(start_paused = true)]
async fn one_that_cfg_removes_is_before_nobody() {
    let journal = Journal::new();
    let running = start(registry! {
        #[cfg(any())]
        "sdk" => unknown, before = all, after = ["api"],
        #[cfg(all())]
        "log" => journal.script().idle(), before = all,
        "api" => journal.script().idle(), after = ["log"],
    });
    running.await_healthy().await.unwrap();
}

/// Every order of entries, with one, two and three base services among six.
#[tokio::test(start_paused = true)]
async fn the_builder_gives_the_same_order_wherever_the_entry_stands() {
    for base in 1..4 {
        for place in 0..6 {
            let journal = Journal::new();
            let builder = (0..6).fold(Registry::builder(), |builder, index| {
                let script = journal
                    .script()
                    .startup(takes(secs(1)))
                    .drain(takes(secs(1)));
                let builder = builder.service(format!("s{index}"), script.idle());
                if (index + place) % 6 < base {
                    builder.before_all()
                } else {
                    builder
                }
            });
            let running = start(builder.build().unwrap());
            running.await_healthy().await.unwrap();
            running.stop().await.into_result().unwrap();
            for index in 0..6 {
                let is_base = (index + place) % 6 < base;
                let (up, down) = if is_base { (0, 3) } else { (1, 2) };
                assert_eq!(journal.at(&format!("s{index}: startup")), secs(up));
                assert_eq!(journal.at(&format!("s{index}: drain")), secs(down));
            }
        }
    }
}

#[tokio::test]
async fn the_builder_tells_a_base_service_that_depends_on_another() {
    let script = || Journal::new().script().idle();
    let builder = Registry::builder()
        .before_all()
        .service("store", script())
        .service("sdk", script())
        .before_all()
        .after(["store"])
        .on_failure(OnFailure::Ignore)
        .service("log", script())
        .before_all()
        .wants(["sdk", "store"]);
    let error = builder.build().unwrap_err().to_string();
    let told: Vec<_> = error.lines().collect();
    assert_eq!(
        told,
        [
            "`before_all` was set before any service (help: call `.service(name, service)` first and `.before_all(..)` after it)",
            "services depend on each other in a cycle: `sdk -> store -> sdk`, because `sdk` has `before = all` (help: remove `\"store\"` from the `after` of `sdk`, or write `before = all` for `store` too)",
            "services depend on each other in a cycle: `log -> store -> log`, because `log` has `before = all` (help: remove `\"store\"` from the `wants` of `log`, or write `before = all` for `store` too)",
        ]
    );
}
