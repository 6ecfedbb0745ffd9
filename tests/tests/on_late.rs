//! Work that may be cut off: `on_late = ignore`, rule 20.
//!
//! The kind of fault this is about: a service whose last request may be dropped without harm made each stop an error,
//! and the alert for it was turned off, for those as well whose lateness is one. To it belong each part of a service that
//! may be late, what is told of it, the drain that is owed all the same, and the services beside and below it.

use lifecycle::{Entry, Group, Laggard, OnLate, Phase, Reason, Registry, State, registry};
use lifecycle_tests::{
    Journal, Log, Script, fails, hangs, millis, panics, secs, spawns, start, takes, until_stopped,
};
use tokio::time::sleep;

/// Who was late, in what, and whether that counts.
fn late(laggards: &[Laggard]) -> Vec<String> {
    let told = |late: &Laggard| format!("{} in {}: {:?}", late.service, late.phase, late.on_late);
    laggards.iter().map(told).collect()
}

#[tokio::test(start_paused = true)]
async fn one_that_is_cut_at_its_time_is_listed_and_the_stop_is_clean() {
    let journal = Journal::new();
    let running = start(registry! {
        "store" => journal.script().idle(),
        "poll" => journal.script().run(hangs()).worker(), after = ["store"], stop_timeout = "4s", on_late = ignore,
    });
    running.await_healthy().await.unwrap();
    let outcome = running.stop().await;
    assert_eq!(outcome.exit_code(), 0, "{outcome}");
    assert_eq!(late(outcome.laggards()), ["poll in run: Ignore"]);
    assert_eq!(outcome.laggards()[0].had, secs(3));
    assert_eq!(journal.at("poll: drain"), secs(3), "what is owed is owed");
    assert_eq!(journal.at("store: drain"), secs(3));
    let poll = &outcome.services()[1];
    assert_eq!(poll.state, State::Stopped);
    assert!(poll.error.is_none());
    assert!(outcome.failures().is_empty());
    let text = outcome.to_string();
    assert!(
        text.contains("service `poll` did not stop in time: dropped in run after 3.0s")
            && text.contains("2 services: 2 stopped, 0 failed, 1 late"),
        "{text}"
    );
    outcome.into_result().unwrap();
}

#[tokio::test(start_paused = true)]
async fn every_part_may_be_late() {
    type Part = fn(Script) -> Script;
    let parts: [(Part, Phase); 3] = [
        (|script| script.run(hangs()), Phase::Run),
        (
            |script| script.startup(spawns(hangs())).run(until_stopped()),
            Phase::Task,
        ),
        (
            |script| script.run(until_stopped()).drain(hangs()),
            Phase::Drain,
        ),
    ];
    for (part, phase) in parts {
        for policy in [OnLate::Ignore, OnLate::Fail] {
            let journal = Journal::new();
            let builder = Registry::builder()
                .service("late", part(journal.script()).worker())
                .on_late(policy);
            let running = start(builder.build().unwrap());
            running.await_healthy().await.unwrap();
            let outcome = running.stop().await;
            assert_eq!(
                late(outcome.laggards()),
                [format!("late in {phase}: {policy:?}")]
            );
            let is_ignored = policy == OnLate::Ignore;
            assert_eq!(outcome.exit_code(), u8::from(!is_ignored), "{phase}");
            let state = if is_ignored {
                State::Stopped
            } else {
                State::Failed
            };
            assert_eq!(outcome.services()[0].state, state);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn only_its_own_lateness_is_ignored() {
    let journal = Journal::new();
    let running = start(registry! {
        "poll" => journal.script().run(hangs()).worker(), on_late = ignore,
        "other" => journal.script().run(hangs()).worker(), on_late = fail,
        "third" => journal.script().run(hangs()).worker(),
    });
    running.await_healthy().await.unwrap();
    let outcome = running.stop().await;
    assert_eq!(outcome.exit_code(), 1);
    let mut laggards = late(outcome.laggards());
    laggards.sort();
    assert_eq!(
        laggards,
        [
            "other in run: Fail",
            "poll in run: Ignore",
            "third in run: Fail"
        ]
    );
}

/// A failure is one under either policy.
#[tokio::test(start_paused = true)]
async fn a_failure_is_not_ignored_with_it() {
    for drain in [fails("disk full"), panics("disk full")] {
        let journal = Journal::new();
        let running = start(registry! {
            "poll" => journal.script().run(hangs()).drain(drain).worker(), on_late = ignore,
        });
        running.await_healthy().await.unwrap();
        let outcome = running.stop().await;
        assert_eq!(outcome.exit_code(), 1);
        assert_eq!(outcome.services()[0].state, State::Failed);
        assert_eq!(late(outcome.laggards()), ["poll in run: Ignore"]);
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_failed_under_ignore_and_is_late_then_is_listed_for_both() {
    let journal = Journal::new();
    let running = start(registry! {
        "poll" => journal.script().run(takes(secs(1)).then(fails("gone"))).drain(hangs()).worker(), on_failure = ignore, on_late = ignore,
        "api" => journal.script().idle(),
    });
    sleep(secs(30)).await;
    let outcome = running.stop().await;
    assert_eq!(outcome.exit_code(), 0);
    assert_eq!(outcome.failures().len(), 1);
    assert_eq!(late(outcome.laggards()), ["poll in drain: Ignore"]);
    assert_eq!(outcome.services()[0].state, State::Failed);
}

#[tokio::test(start_paused = true)]
async fn the_deadline_of_all_cuts_it_as_well() {
    let journal = Journal::new();
    let running = start(registry! {
        deadline = "2s",
        "poll" => journal.script().run(hangs()).drain(hangs()).worker(), stop_timeout = "1h", on_late = ignore,
    });
    running.await_healthy().await.unwrap();
    let outcome = running.stop().await;
    assert_eq!(outcome.exit_code(), 0);
    assert_eq!(journal.now(), secs(2));
    assert_eq!(
        late(outcome.laggards()),
        ["poll in run: Ignore", "poll in drain: Ignore"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_start_that_times_out_is_a_failure_all_the_same() {
    let journal = Journal::new();
    let running = start(registry! {
        "poll" => journal.script().startup(hangs()).worker(), start_timeout = "1s", on_late = ignore,
    });
    assert!(matches!(running.wait().await, Reason::Failure(_)));
    assert_eq!(running.stop().await.exit_code(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_oneshot_that_is_cut_has_not_succeeded() {
    let journal = Journal::new();
    let running = start(registry! {
        "job" => journal.script().run(hangs()).oneshot(), on_late = ignore, stop_timeout = "3s",
    });
    sleep(millis(10)).await;
    let outcome = running.stop().await;
    assert_eq!(outcome.exit_code(), 0);
    assert_eq!(outcome.services()[0].state, State::Stopped);
    assert!(!outcome.services()[0].succeeded);
}

#[tokio::test(start_paused = true)]
async fn the_log_warns_of_it_and_calls_it_no_error() {
    let log = Log::open();
    let journal = Journal::new();
    let running = start(registry! {
        "poll" => journal.script().run(hangs()).worker(), on_late = ignore,
    });
    running.await_healthy().await.unwrap();
    let _ = running.stop().await;
    let _ = log.place(&["WARN", "late, dropped", "poll"]);
    assert!(!log.lines().iter().any(|line| line.contains("ERROR")));
}

#[tokio::test(start_paused = true)]
async fn a_member_of_a_group_that_may_be_late_is_listed_and_the_stop_is_clean() {
    for policy in [OnLate::Ignore, OnLate::Fail] {
        let (journal, tenants) = (Journal::new(), Group::<String>::new());
        let running = start(registry! { "tenants" => tenants.clone() });
        running.await_healthy().await.unwrap();
        let acme = Entry::new(journal.script().run(hangs()).worker())
            .stop_timeout(secs(4))
            .on_late(policy);
        tenants.add("acme".to_owned(), acme).await.unwrap();
        let outcome = running.stop().await;
        assert_eq!(
            late(outcome.laggards()),
            [format!("tenants/acme in run: {policy:?}")]
        );
        assert_eq!(
            journal.at("tenants/acme: drain"),
            secs(3),
            "what is owed is owed"
        );
        let is_failure = policy == OnLate::Fail;
        assert_eq!(outcome.exit_code(), u8::from(is_failure), "{outcome}");
    }
}
