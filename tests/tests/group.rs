//! A service whose members come and go while it runs.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use lifecycle::{
    AddError, Context, Entry, Group, Idle, MemberOutcome, OnFailure, Restart, RestartError, Result,
    Running, Service, Shape, State, Then, async_trait, registry, service,
};
use lifecycle_tests::{
    Alive, Journal, Moves, fails, hangs, millis, panics, paused, secs, start, state_of, states,
    takes, threads,
};
use tokio::runtime::Handle as Runtime;
use tokio::task::yield_now;
use tokio::time::{sleep, timeout};

type Tenants = Group<String>;

/// A group beside others, up.
async fn up(journal: &Journal) -> (Tenants, Running) {
    let tenants = Group::new();
    let running = start(registry! {
        "store" => journal.script().idle(),
        "tenants" => tenants.clone(), after = ["store"],
    });
    running.await_healthy().await.unwrap();
    (tenants, running)
}

fn key(text: &str) -> String {
    text.to_owned()
}

#[tokio::test(start_paused = true)]
async fn members_come_and_go_and_each_is_shown_drained_and_dropped() {
    let journal = Journal::new();
    let before = Runtime::current().metrics().num_alive_tasks();
    let (tenants, running) = up(&journal).await;
    let handle = running.handle();
    assert_eq!(states(&handle), ["store: running", "tenants: running"]);
    assert_eq!(handle.states()[1].shape, Shape::Group);
    let slow = journal
        .script()
        .startup(takes(secs(2)))
        .drain(takes(secs(1)));
    tenants.add(key("acme"), slow.worker()).await.unwrap();
    assert_eq!(journal.now(), secs(2));
    tenants
        .add(key("other"), journal.script().idle())
        .await
        .unwrap();
    assert_eq!(
        states(&handle),
        [
            "store: running",
            "tenants: running",
            "tenants/acme: running",
            "tenants/other: running"
        ]
    );
    let mut keys = tenants.keys();
    keys.sort();
    assert_eq!(keys, ["acme", "other"]);
    assert!(matches!(
        tenants.remove("acme").await,
        MemberOutcome::Stopped
    ));
    assert_eq!(journal.now(), secs(3));
    assert_eq!(journal.count("tenants/acme: drain done"), 1);
    assert_eq!(
        states(&handle),
        [
            "store: running",
            "tenants: running",
            "tenants/other: running"
        ]
    );
    assert!(matches!(
        tenants.remove("acme").await,
        MemberOutcome::Unknown
    ));
    tenants
        .add(key("acme"), journal.script().idle())
        .await
        .unwrap();
    let outcome = running.stop().await;
    assert_eq!(outcome.exit_code(), 0, "{outcome}");
    journal.assert_order(&["tenants/other: drain done", "store: drain"]);
    assert_eq!(journal.count("tenants/acme: drain done"), 2);
    assert_eq!(tenants.keys(), Vec::<String>::new());
    let refused = tenants
        .add(key("late"), journal.script().idle())
        .await
        .unwrap_err();
    assert!(matches!(refused, AddError::Stopping), "{refused}");
    assert_eq!(Runtime::current().metrics().num_alive_tasks(), before);
}

#[tokio::test(start_paused = true)]
async fn members_that_are_added_before_the_group_runs_start_with_it() {
    let journal = Journal::new();
    let tenants = Tenants::new();
    tenants
        .add(key("acme"), journal.script().idle())
        .await
        .unwrap();
    tenants
        .add(key("gone"), journal.script().idle())
        .await
        .unwrap();
    assert!(matches!(
        tenants.remove("gone").await,
        MemberOutcome::Stopped
    ));
    assert!(journal.all().is_empty());
    let running = start(registry! { "tenants" => tenants.clone() });
    running.await_healthy().await.unwrap();
    sleep(secs(1)).await;
    assert_eq!(state_of(&running.handle(), "tenants/acme"), State::Running);
    assert_eq!(journal.count("tenants/gone: startup"), 0);
    running.stop().await.into_result().unwrap();
    assert_eq!(journal.count("tenants/acme: drain done"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_key_is_unique_and_at_most_128_bytes_and_escaped_where_it_is_shown() {
    let journal = Journal::new();
    let (tenants, running) = up(&journal).await;
    let idle = || journal.script().idle();
    let odd = "a/b\\c\n\u{1b}ä ";
    tenants.add(key(odd), idle()).await.unwrap();
    let shown = running.handle().states()[2].name.clone();
    assert_eq!(shown, "tenants/a\\/b\\\\c\\n\\u{1b}ä ");
    let error = tenants.add(key(odd), idle()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the group has a member `a\\/b\\\\c\\n\\u{1b}ä ` already"
    );
    tenants.add("k".repeat(128), idle()).await.unwrap();
    let error = tenants.add("k".repeat(129), idle()).await.unwrap_err();
    assert!(matches!(error, AddError::KeyTooLong(129)), "{error}");
    tenants.remove(odd).await.into_result().unwrap();
    tenants.add(key(odd), idle()).await.unwrap();
    running.stop().await.into_result().unwrap();
}

#[tokio::test(start_paused = true)]
async fn each_member_has_settings_and_a_policy_of_its_own() {
    let journal = Journal::new();
    let (tenants, running) = up(&journal).await;
    let handle = running.handle();
    tenants
        .add(key("well"), journal.script().worker())
        .await
        .unwrap();
    let lost = journal
        .script()
        .run(takes(secs(1)).then(fails("lost")))
        .worker();
    tenants
        .add(key("lost"), Entry::new(lost).on_failure(OnFailure::Ignore))
        .await
        .unwrap();
    sleep(secs(2)).await;
    assert_eq!(state_of(&handle, "tenants/lost"), State::Failed);
    assert_eq!(state_of(&handle, "tenants/well"), State::Running);
    assert!(handle.is_healthy());
    let error = tenants
        .add(key("lost"), journal.script().idle())
        .await
        .unwrap_err();
    assert!(matches!(error, AddError::Duplicate(_)), "{error}");
    let MemberOutcome::Failed(error) = tenants.remove("lost").await else {
        panic!("it has failed");
    };
    assert_eq!(
        error.to_string(),
        "service `tenants/lost` failed in run: lost"
    );

    let never = Entry::new(journal.script().startup(hangs()).idle());
    let never = never.start_timeout(secs(3)).on_failure(OnFailure::Ignore);
    let error = tenants.add(key("never"), never).await.unwrap_err();
    assert!(
        error.to_string().contains("was not ready within 3s"),
        "{error}"
    );
    tenants.remove("never").await.into_result().unwrap_err();

    let late = Entry::new(journal.script().run(hangs()).drain(hangs()).worker());
    tenants
        .add(key("late"), late.stop_timeout(secs(4)))
        .await
        .unwrap();
    let at = journal.now();
    let error = tenants.remove("late").await.into_result().unwrap_err();
    assert_eq!(journal.now(), at + secs(4));
    assert!(
        error.to_string().contains("did not stop in time"),
        "{error}"
    );
    assert!(handle.is_healthy());

    let outcome = running.stop().await;
    // What was late makes the stop unclean, as everywhere.
    assert_eq!(outcome.exit_code(), 1);
    assert!(
        outcome
            .laggards()
            .iter()
            .all(|late| late.service == "tenants/late")
    );
}

#[tokio::test(start_paused = true)]
async fn a_member_that_fails_under_shutdown_fails_the_group() {
    let journal = Journal::new();
    let (tenants, running) = up(&journal).await;
    tenants
        .add(key("well"), journal.script().idle())
        .await
        .unwrap();
    let bad = journal
        .script()
        .run(takes(secs(1)).then(panics("index 7")))
        .worker();
    tenants.add(key("bad"), bad).await.unwrap();
    let reason = running.wait().await;
    assert_eq!(
        reason.to_string(),
        "service `tenants` failed in run: service `tenants/bad` panicked in run: index 7"
    );
    let error = tenants
        .add(key("late"), journal.script().idle())
        .await
        .unwrap_err();
    assert!(matches!(error, AddError::Stopping), "{error}");
    let outcome = running.stop().await;
    assert_eq!(outcome.exit_code(), 1);
    let names: Vec<_> = outcome
        .failures()
        .iter()
        .map(|one| one.service().as_str())
        .collect();
    assert_eq!(names, ["tenants/bad", "tenants"]);
    assert_eq!(journal.count("tenants/well: drain done"), 1);
    assert_eq!(journal.count("tenants/bad: drain done"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_dead_member_degrades_the_group_and_not_readiness() {
    let journal = Journal::new();
    let (tenants, running) = up(&journal).await;
    let slow = journal.script().startup(takes(secs(5))).idle();
    let adding = tenants.clone();
    let adding = tokio::spawn(async move { adding.add(key("slow"), slow).await });
    sleep(secs(1)).await;
    let handle = running.handle();
    assert!(handle.is_healthy());
    let degraded = handle.states()[1].degraded.clone();
    assert_eq!(degraded.as_deref(), Some("`tenants/slow` is starting"));
    adding.await.unwrap().unwrap();
    assert_eq!(handle.states()[1].degraded, None);
    running.stop().await.into_result().unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_is_down_in_a_registry_that_is_a_member_degrades_the_group_and_not_readiness() {
    let journal = Journal::new();
    let (tenants, running) = up(&journal).await;
    let fails = takes(secs(1)).then(fails("as scripted"));
    let acme = registry! {
        "feed" => journal.script().run(fails).worker(), on_failure = restart(backoff = "10s..20s", max = forever),
    };
    tenants.add(key("acme"), acme).await.unwrap();
    let handle = running.handle();
    for _ in 0..100 {
        sleep(secs(1)).await;
        assert!(handle.is_healthy(), "{:?}", states(&handle));
        let feed = handle.status("tenants/acme/feed").unwrap();
        let group = handle.status("tenants").unwrap();
        assert_eq!(group.degraded.is_some(), feed.state != State::Running);
    }
    assert!(handle.status("tenants/acme/feed").unwrap().restarts > 3);
    // The stop may come as the worker fails once more.
    let _ = running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_dead_member_is_restarted_with_backoff_while_the_others_go_on() {
    let journal = Journal::new();
    let (tenants, running) = up(&journal).await;
    let handle = running.handle();
    let well = journal.script().scheduled(secs(1));
    tenants.add(key("well"), well).await.unwrap();
    let dead = takes(Duration::from_millis(1)).then(fails("its data is gone"));
    let dead = journal.script().run(dead).worker();
    let policy = Restart::new().backoff(secs(1), secs(60)).forever();
    let _ = tenants
        .add(key("dead"), Entry::new(dead).on_failure(policy))
        .await;
    sleep(secs(600)).await;
    assert_eq!(state_of(&handle, "tenants/dead"), State::Backoff);
    let status = handle.status("tenants/dead").unwrap();
    assert!((10..30).contains(&status.restarts), "{}", status.restarts);
    assert_eq!(state_of(&handle, "tenants/well"), State::Running);
    assert!(journal.count("tenants/well: tick 590 done") == 1);
    assert!(handle.is_healthy());
    let degraded = handle.status("tenants").unwrap().degraded;
    assert_eq!(degraded.unwrap(), "`tenants/dead` is in backoff".into());
    tenants.remove("dead").await.into_result().unwrap();
    assert_eq!(handle.status("tenants").unwrap().degraded, None);
    let outcome = running.stop().await;
    assert_eq!(outcome.exit_code(), 0, "{outcome}");
}

#[tokio::test(start_paused = true)]
async fn a_member_is_restarted_by_hand() {
    let journal = Journal::new();
    let (tenants, running) = up(&journal).await;
    tenants
        .add(key("acme"), journal.script().idle())
        .await
        .unwrap();
    tenants.restart("acme").await.unwrap();
    running.handle().restart("tenants/acme").await.unwrap();
    assert_eq!(journal.count("tenants/acme: startup done"), 3);
    assert_eq!(journal.count("tenants/acme: drain done"), 2);
    let error = tenants.restart("nobody").await.unwrap_err();
    assert_eq!(error.to_string(), "no service is named `nobody`");
    running.stop().await.into_result().unwrap();
    tenants.restart("acme").await.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn a_group_that_is_restarted_starts_its_members_again() {
    let journal = Journal::new();
    let (tenants, running) = up(&journal).await;
    let handle = running.handle();
    tenants
        .add(key("acme"), journal.script().drain(takes(secs(2))).idle())
        .await
        .unwrap();
    let restarting = handle.clone();
    let restarted = tokio::spawn(async move { restarting.restart("tenants").await });
    sleep(secs(1)).await;
    // It waits for the next run.
    tenants
        .add(key("new"), journal.script().idle())
        .await
        .unwrap();
    assert_eq!(journal.count("tenants/new: startup"), 0);
    restarted.await.unwrap().unwrap();
    sleep(secs(1)).await;
    for member in ["tenants/acme", "tenants/new"] {
        assert_eq!(state_of(&handle, member), State::Running);
    }
    assert_eq!(journal.count("tenants/acme: startup done"), 2);
    let outcome = running.stop().await;
    assert_eq!(outcome.exit_code(), 0, "{outcome}");
    assert_eq!(journal.count("tenants/acme: drain done"), 2);
    assert_eq!(journal.count("tenants/new: drain done"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_drain_that_fails_in_a_removal_is_told_to_the_caller_alone() {
    let journal = Journal::new();
    let (tenants, running) = up(&journal).await;
    let bad = journal.script().drain(fails("disk full")).idle();
    tenants.add(key("bad"), bad).await.unwrap();
    let error = tenants.remove("bad").await.into_result().unwrap_err();
    assert_eq!(
        error.to_string(),
        "service `tenants/bad` failed in drain: disk full"
    );
    sleep(secs(1)).await;
    assert!(running.handle().is_healthy());
    tenants
        .add(key("bad"), journal.script().idle())
        .await
        .unwrap();
    let outcome = running.stop().await;
    assert_eq!(outcome.exit_code(), 0, "{outcome}");
    assert_eq!(outcome.failures().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn every_move_of_a_member_is_told() {
    let journal = Journal::new();
    let (tenants, running) = up(&journal).await;
    let moves = Moves::watch(&running.handle());
    tenants
        .add(key("acme"), journal.script().idle())
        .await
        .unwrap();
    tenants.remove("acme").await.into_result().unwrap();
    let (_, moves) = tokio::join!(running.stop(), moves.all());
    assert_eq!(
        moves[..5],
        [
            "tenants/acme: new -> waiting",
            "tenants/acme: waiting -> starting",
            "tenants/acme: starting -> running",
            "tenants/acme: running -> stopping",
            "tenants/acme: stopping -> stopped",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn ticks_of_a_member_are_triggered_by_its_path() {
    let journal = Journal::new();
    let (tenants, running) = up(&journal).await;
    let ticks = journal.script().scheduled(secs(600));
    tenants.add(key("acme"), ticks).await.unwrap();
    running.handle().trigger("tenants/acme").await.unwrap();
    assert_eq!(journal.count("tenants/acme: tick 1 done"), 1);
    running.stop().await.into_result().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_member_may_be_a_registry_or_a_group() {
    let journal = Journal::new();
    let (tenants, running) = up(&journal).await;
    let inner = registry! { "index" => journal.script().idle() };
    tenants.add(key("acme"), inner).await.unwrap();
    let deep = Tenants::new();
    tenants.add(key("deep"), deep.clone()).await.unwrap();
    deep.add(key("one"), journal.script().idle()).await.unwrap();
    let handle = running.handle();
    assert_eq!(state_of(&handle, "tenants/acme/index"), State::Running);
    assert_eq!(state_of(&handle, "tenants/deep/one"), State::Running);
    assert!(handle.status("tenants/acme/index").is_some());
    tenants.remove("acme").await.into_result().unwrap();
    assert_eq!(journal.count("tenants/acme/index: drain done"), 1);
    running.stop().await.into_result().unwrap();
    assert_eq!(journal.count("tenants/deep/one: drain done"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_member_that_is_none_is_disabled_and_takes_its_key() {
    let journal = Journal::new();
    let (tenants, running) = up(&journal).await;
    tenants.add(key("none"), None::<Empty>).await.unwrap();
    assert_eq!(state_of(&running.handle(), "tenants/none"), State::Disabled);
    tenants.add(key("none"), Empty).await.unwrap_err();
    tenants.remove("none").await.into_result().unwrap();
    tenants.add(key("none"), Some(Empty)).await.unwrap();
    assert_eq!(state_of(&running.handle(), "tenants/none"), State::Running);
    running.stop().await.into_result().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_oneshot_is_added_when_it_has_succeeded() {
    let journal = Journal::new();
    let (tenants, running) = up(&journal).await;
    let once = journal.script().run(takes(secs(300))).oneshot();
    tenants.add(key("once"), once).await.unwrap();
    assert_eq!(journal.now(), secs(300));
    assert_eq!(state_of(&running.handle(), "tenants/once"), State::Stopped);
    tenants.remove("once").await.into_result().unwrap();
    running.stop().await.into_result().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_member_that_is_removed_before_it_is_up_was_removed_and_its_group_is_not_stopping() {
    let journal = Journal::new();
    let (tenants, running) = up(&journal).await;
    let add = || {
        let slow = journal.script().startup(takes(secs(5))).idle();
        let tenants = tenants.clone();
        tokio::spawn(async move { tenants.add(key("slow"), slow).await })
    };
    let added = add();
    sleep(secs(1)).await;
    tenants.remove("slow").await.into_result().unwrap();
    let error = added.await.unwrap().unwrap_err();
    assert!(matches!(error, AddError::Removed), "{error}");

    let added = add();
    sleep(secs(1)).await;
    assert_eq!(running.stop().await.exit_code(), 0);
    let error = added.await.unwrap().unwrap_err();
    assert!(matches!(error, AddError::Stopping), "{error}");
}

#[tokio::test(start_paused = true)]
async fn of_calls_at_once_an_addition_after_a_removal_gets_the_slot_when_that_member_is_gone() {
    let journal = Journal::new();
    let (tenants, running) = up(&journal).await;
    let dead = journal.script().startup(fails("no database")).idle();
    let dead = Entry::new(dead).on_failure(OnFailure::Ignore);
    tenants.add(key("dead"), dead).await.unwrap_err();
    let (dead, acme, other, unknown) = tokio::join!(
        tenants.remove("dead"),
        tenants.add(key("acme"), journal.script().idle()),
        tenants.add(key("other"), journal.script().idle()),
        tenants.remove("unknown"),
    );
    let MemberOutcome::Failed(error) = dead else {
        panic!("{dead:?}");
    };
    assert_eq!(error.service(), "tenants/dead");
    acme.unwrap();
    other.unwrap();
    assert!(matches!(unknown, MemberOutcome::Unknown));
    let shown = states(&running.handle());
    let members = ["tenants/acme: running", "tenants/other: running"];
    assert_eq!(shown[2..], members);
    running.stop().await.into_result().unwrap();
    assert_eq!(journal.count("tenants/acme: drain done"), 1);
    assert_eq!(journal.count("tenants/other: drain done"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_member_that_is_removed_in_its_restart_has_ended_and_its_group_is_not_stopping() {
    let journal = Journal::new();
    let (tenants, running) = up(&journal).await;
    let restart = || {
        let handle = running.handle();
        tokio::spawn(async move { handle.restart("tenants/slow").await.unwrap_err() })
    };
    let slow = || journal.script().drain(takes(secs(5))).idle();
    tenants.add(key("slow"), slow()).await.unwrap();
    let restarted = restart();
    sleep(secs(1)).await;
    tenants.remove("slow").await.into_result().unwrap();
    let error = restarted.await.unwrap();
    assert!(matches!(error, RestartError::Ended(_)), "{error}");

    tenants.add(key("slow"), slow()).await.unwrap();
    let restarted = restart();
    sleep(secs(1)).await;
    assert_eq!(running.stop().await.exit_code(), 0);
    let error = restarted.await.unwrap();
    assert!(matches!(error, RestartError::Stopping), "{error}");
}

/// Says in its drain what it ends for.
#[service(idle)]
struct Ends(Arc<Mutex<Vec<String>>>);

impl Idle for Ends {
    async fn drain(&self, cx: &Context) -> Result {
        let cause = cx.cause().map(|cause| format!("{}: {cause}", cx.name()));
        self.0.lock().unwrap().extend(cause);
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_drain_is_told_of_a_removal_and_of_a_restart_wherever_that_begins() {
    let (tenants, running) = up(&Journal::new()).await;
    let told = Arc::<Mutex<Vec<String>>>::default();
    let ends = || Ends(told.clone());
    let within = || registry! { "a" => ends() };
    tenants.add(key("acme"), ends()).await.unwrap();
    tenants.add(key("deep"), within()).await.unwrap();
    let restarts = [
        ("tenants/acme", &["tenants/acme"][..]),
        ("tenants/deep", &["tenants/deep/a"]),
        ("tenants", &["tenants/acme", "tenants/deep/a"]),
    ];
    let take = || {
        let mut told = std::mem::take(&mut *told.lock().unwrap());
        told.sort();
        told
    };
    for (service, drains) in restarts {
        running.handle().restart(service).await.unwrap();
        let restarted = drains.iter().map(|name| format!("{name}: restarted"));
        assert_eq!(take(), restarted.collect::<Vec<_>>(), "{service}");
    }
    for (member, drain) in [("acme", "tenants/acme"), ("deep", "tenants/deep/a")] {
        tenants.remove(member).await.into_result().unwrap();
        assert_eq!(take(), [format!("{drain}: removed from its group")]);
    }
    tenants.add(key("deep"), within()).await.unwrap();
    running.stop().await.into_result().unwrap();
    assert_eq!(take(), ["tenants/deep/a: stop requested"]);
}

#[tokio::test(start_paused = true)]
async fn calls_that_are_dropped_still_add_and_remove() {
    let journal = Journal::new();
    let (tenants, running) = up(&journal).await;
    let slow = journal
        .script()
        .startup(takes(secs(5)))
        .drain(takes(secs(5)))
        .idle();
    assert!(
        timeout(secs(1), tenants.add(key("acme"), slow))
            .await
            .is_err()
    );
    sleep(secs(5)).await;
    assert_eq!(state_of(&running.handle(), "tenants/acme"), State::Running);
    assert!(timeout(secs(1), tenants.remove("acme")).await.is_err());
    let error = tenants
        .add(key("acme"), journal.script().idle())
        .await
        .unwrap_err();
    assert!(matches!(error, AddError::Duplicate(_)), "{error}");
    // A second call waits for the same end.
    assert!(matches!(
        tenants.remove("acme").await,
        MemberOutcome::Stopped
    ));
    assert_eq!(journal.count("tenants/acme: drain done"), 1);
    tenants
        .add(key("acme"), journal.script().idle())
        .await
        .unwrap();
    running.stop().await.into_result().unwrap();
}

/// Removes itself.
struct Leaves(Tenants, Arc<AtomicBool>);

#[async_trait]
impl Service for Leaves {
    async fn start(&self, cx: &Context) -> Result {
        cx.ready();
        sleep(secs(1)).await;
        let outcome = self.0.remove("leaves").await;
        self.1
            .store(matches!(outcome, MemberOutcome::Asked), Ordering::SeqCst);
        cx.stop_channel().closed().await;
        Ok(())
    }

    async fn stop(&self, cx: &Context) -> Result {
        cx.exited().await;
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_member_that_removes_itself_does_not_wait_for_itself() {
    let journal = Journal::new();
    let (tenants, running) = up(&journal).await;
    let asked = Arc::new(AtomicBool::new(false));
    tenants
        .add(key("leaves"), Leaves(tenants.clone(), asked.clone()))
        .await
        .unwrap();
    sleep(secs(2)).await;
    assert!(asked.load(Ordering::SeqCst));
    assert_eq!(running.handle().states().len(), 2);
    running.stop().await.into_result().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_group_runs_as_one_service_at_a_time_and_again_after_the_stop() {
    let journal = Journal::new();
    let (tenants, running) = up(&journal).await;
    let second = start(registry! { "second" => tenants.clone() });
    let error = second.await_healthy().await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("a group runs as one service at a time"),
        "{error}"
    );
    assert_eq!(second.stop().await.exit_code(), 1);
    tenants
        .add(key("acme"), journal.script().idle())
        .await
        .unwrap();
    running.stop().await.into_result().unwrap();
    let again = start(registry! { "again" => tenants.clone() });
    again.await_healthy().await.unwrap();
    tenants
        .add(key("acme"), journal.script().idle())
        .await
        .unwrap();
    assert_eq!(state_of(&again.handle(), "again/acme"), State::Running);
    again.stop().await.into_result().unwrap();
}

#[service(idle)]
struct Empty;

impl Idle for Empty {}

#[test]
fn what_members_leave_behind_does_not_grow() {
    paused(async {
        let tenants = Tenants::new();
        let running = start(registry! { "tenants" => tenants.clone() });
        running.await_healthy().await.unwrap();
        for round in 0..20_000_u32 {
            tenants.add(round.to_string(), Empty).await.unwrap();
            tenants
                .remove(round.to_string().as_str())
                .await
                .into_result()
                .unwrap();
        }
        assert!(tenants.keys().is_empty());
        assert_eq!(running.handle().states().len(), 1);
        running.stop().await.into_result().unwrap();
    });
}

/// What all members of one history have done.
#[derive(Debug, Default)]
struct Ledger {
    /// By key: whether a run is under way.
    running: Mutex<HashMap<String, bool>>,
    started_up: AtomicU64,
    drained: AtomicU64,
    alive: Arc<AtomicUsize>,
    values: Arc<AtomicUsize>,
    stop_requested: AtomicBool,
    late_starts: AtomicU64,
}

/// A member that may fail at any point.
struct Restless {
    key: String,
    ledger: Arc<Ledger>,
    deed: u32,
    _value: Alive,
}

impl Restless {
    fn set(&self, runs: bool) {
        let before = self
            .ledger
            .running
            .lock()
            .unwrap()
            .insert(self.key.clone(), runs);
        assert!(!(runs && before == Some(true)), "two runs of {}", self.key);
    }
}

#[async_trait]
impl Service for Restless {
    async fn start(&self, cx: &Context) -> Result {
        if self.ledger.stop_requested.load(Ordering::SeqCst) {
            self.ledger.late_starts.fetch_add(1, Ordering::SeqCst);
        }
        self.set(true);
        let _alive = Alive::new(&self.ledger.alive);
        if self.deed.is_multiple_of(5) {
            yield_now().await;
        }
        if self.deed.is_multiple_of(7) {
            return Err("no start".into());
        }
        self.ledger.started_up.fetch_add(1, Ordering::SeqCst);
        cx.ready();
        if self.deed.is_multiple_of(3) {
            yield_now().await;
            assert!(self.deed.is_multiple_of(2), "a panic of a member");
            return Err("lost".into());
        }
        cx.stop_channel().closed().await;
        Ok(())
    }

    async fn stop(&self, cx: &Context) -> Result {
        cx.exited().await;
        if !self.deed.is_multiple_of(7) {
            self.ledger.drained.fetch_add(1, Ordering::SeqCst);
        }
        self.set(false);
        Ok(())
    }
}

/// Adds, removes and restarts at random, with a small set of keys, from several tasks at once.
async fn churn(tenants: Tenants, ledger: Arc<Ledger>, mut random: fastrand::Rng, steps: u32) {
    for _ in 0..steps {
        let key = format!("member-{}", random.u32(0..4));
        match random.u32(0..6) {
            0 | 1 => {
                let member = Restless {
                    key: key.clone(),
                    ledger: ledger.clone(),
                    deed: random.u32(..),
                    _value: Alive::new(&ledger.values),
                };
                let policy = if random.bool() {
                    OnFailure::Ignore
                } else {
                    let backoff = Restart::new().backoff(millis(1), millis(2));
                    backoff.max(3).then(Then::Ignore).into()
                };
                let entry = Entry::new(member).on_failure(policy);
                if random.bool() {
                    let _ = tenants.add(key, entry).await;
                } else {
                    let _ = timeout(Duration::ZERO, tenants.add(key, entry)).await;
                }
            }
            2 | 3 => drop(tenants.remove(key.as_str()).await),
            4 => drop(tenants.restart(key.as_str()).await),
            _ => yield_now().await,
        }
    }
}

#[test]
fn ten_thousand_histories_leave_nothing_and_run_no_member_twice() {
    lifecycle_tests::hush();
    let runtime = threads(2);
    for seed in 0..10_000 {
        let mut random = fastrand::Rng::with_seed(seed);
        let ledger = Arc::<Ledger>::default();
        let outcome = runtime.block_on(async {
            let tenants = Tenants::new();
            let running = start(registry! { "tenants" => tenants.clone() });
            let tasks: Vec<_> = (0..2)
                .map(|_| {
                    let steps = random.u32(1..8);
                    tokio::spawn(churn(tenants.clone(), ledger.clone(), random.fork(), steps))
                })
                .collect();
            for _ in 0..random.u32(0..20) {
                yield_now().await;
            }
            let outcome = timeout(secs(60), running.stop()).await.expect("it stops");
            ledger.stop_requested.store(true, Ordering::SeqCst);
            for task in tasks {
                timeout(secs(60), task).await.expect("calls end").unwrap();
            }
            assert!(tenants.keys().is_empty(), "seed {seed}");
            outcome
        });
        let count = |count: &AtomicU64| count.load(Ordering::SeqCst);
        assert_eq!(
            count(&ledger.started_up),
            count(&ledger.drained),
            "seed {seed}: {outcome}"
        );
        assert_eq!(count(&ledger.late_starts), 0, "seed {seed}");
        assert_eq!(ledger.alive.load(Ordering::SeqCst), 0, "seed {seed}");
        assert_eq!(ledger.values.load(Ordering::SeqCst), 0, "seed {seed}");
        assert!(outcome.laggards().is_empty(), "seed {seed}: {outcome}");
        assert!(
            ledger.running.lock().unwrap().values().all(|runs| !runs),
            "seed {seed}"
        );
    }
}
