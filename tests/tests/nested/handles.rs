//! Handles that were taken of a registry before it became a service of another one.
//!
//! The kind of fault this is about: a module hands out its registry and keeps a handle for itself, and once somebody has named the
//! registry in an application, that handle shows for ever what was there before the start.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use lifecycle::{
    EventKind, Group, Handle, HealthError, Reason, Registry, Running, State, TriggerError, registry,
};
use lifecycle_tests::{
    Journal, Moves, Plain, fails, millis, secs, start, state_of, states, takes, threads,
};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

/// A schedule, and what it needs.
fn module(journal: &Journal) -> Registry {
    registry! {
        "store" => journal.script().startup(takes(secs(1))).idle(),
        "gc" => journal.script().scheduled(secs(60)), after = ["store"],
    }
}

fn waits(handle: &Handle) -> JoinHandle<Reason> {
    let handle = handle.clone();
    tokio::spawn(async move { handle.wait().await })
}

fn comes_up(handle: &Handle) -> JoinHandle<Result<(), HealthError>> {
    let handle = handle.clone();
    tokio::spawn(async move { handle.await_healthy().await })
}

/// What the handle shows must be this service of that application.
fn check_shown(handle: &Handle, running: &Running, path: &str) {
    let within = format!("{path}/");
    let all = running.handle().states();
    let of_it = all.iter().filter(|status| status.name.starts_with(&within));
    let expected: Vec<_> = of_it
        .map(|status| format!("{}: {}", status.name, status.state))
        .collect();
    assert_eq!(states(handle), expected);
    assert!(!expected.is_empty());
    for name in ["gc", &format!("{path}/gc")] {
        let status = handle.status(name).unwrap();
        assert_eq!(*status.name, format!("{path}/gc"));
        assert_eq!(status.state, state_of(&running.handle(), &status.name));
    }
}

/// The ways in which a registry is in an application, and its path there.
async fn wrapped(how: usize, inner: Registry) -> (&'static str, Registry) {
    match how {
        0 => ("part", registry! { "part" => inner }),
        1 => ("part", registry! { "part" => Plain(inner) }),
        2 => {
            let part = registry! { "part" => inner };
            ("outer/part", registry! { "outer" => part })
        }
        3 => {
            let part = registry! { "part" => Plain(Arc::new(inner)) };
            ("outer/part", registry! { "outer" => Plain(part) })
        }
        _ => {
            let group = Group::new();
            group.add("part", inner).await.unwrap();
            ("group/part", registry! { "group" => group })
        }
    }
}

#[tokio::test(start_paused = true)]
async fn one_shows_the_service_whatever_is_around_it_and_over_all_its_runs() {
    for how in 0..5 {
        let journal = Journal::new();
        let inner = module(&journal);
        let (handle, healthy) = (inner.handle(), comes_up(&inner.handle()));
        let reason = waits(&handle);
        sleep(secs(10)).await;
        assert!(!healthy.is_finished());
        assert!(matches!(
            handle.trigger("gc").await,
            Err(TriggerError::NotStarted)
        ));

        let (path, outer) = wrapped(how, inner).await;
        let running = start(outer);
        assert!(!handle.is_healthy());
        healthy.await.unwrap().unwrap();
        assert!(handle.is_healthy());
        assert_eq!(journal.now(), secs(11));

        let around: Vec<_> = path.match_indices('/').map(|(at, _)| &path[..at]).collect();
        for what in [path].into_iter().chain(around) {
            check_shown(&handle, &running, path);
            handle.trigger("gc").await.unwrap();
            assert_eq!(handle.status("gc").unwrap().ticks.unwrap().count, 1);
            handle.restart("gc").await.unwrap();
            handle.reload().await.unwrap();
            handle.ping().await;
            assert_eq!(handle.dependencies()[1].len(), 1);
            assert_eq!(handle.startup().services.len(), 2);
            running.handle().restart(what).await.unwrap();
            handle.await_healthy().await.unwrap();
            assert_eq!(
                handle.status("gc").unwrap().ticks.unwrap().count,
                0,
                "{what}"
            );
        }
        handle.pause("gc").unwrap();
        sleep(secs(1_000)).await;
        assert_eq!(handle.runs("gc").unwrap().len(), 0);
        handle.resume("gc").unwrap();
        sleep(secs(1)).await;
        assert_eq!(handle.runs("gc").unwrap().len(), 1);
        assert_eq!(handle.upcoming("gc", 3).unwrap().len(), 3);
        assert!(handle.schedule("gc").unwrap().is_some());
        assert!(!reason.is_finished(), "a restart is no stop");
        assert!(handle.reason().is_none());

        handle.shutdown();
        assert!(matches!(running.wait().await, Reason::Requested));
        assert!(matches!(reason.await.unwrap(), Reason::Requested));
        running.stop().await.into_result().unwrap();
        assert_eq!(state_of(&handle, &format!("{path}/gc")), State::Stopped);
        assert!(!handle.is_healthy());
        assert!(matches!(handle.wait().await, Reason::Requested));
        assert!(handle.await_healthy().await.is_err());
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_subscribed_to_before_is_told_of_every_run_and_of_nothing_else() {
    for how in 0..5 {
        let journal = Journal::new();
        let inner = module(&journal);
        let handle = inner.handle();
        let (moves, mut events) = (Moves::watch(&handle), handle.events());
        let observed = Arc::new(Mutex::new(Vec::new()));
        let inner = inner.on_event({
            let observed = observed.clone();
            move |event| observed.lock().unwrap().push(event.to_string())
        });
        let (path, outer) = wrapped(how, inner).await;
        let all = Moves::watch(&outer.handle());
        let running = start(outer);
        handle.await_healthy().await.unwrap();
        running.handle().restart(path).await.unwrap();
        handle.await_healthy().await.unwrap();
        sleep(secs(90)).await;
        running.stop().await.into_result().unwrap();

        let within = format!("{path}/");
        let mut expected = all.all().await;
        expected.retain(|line| line.starts_with(&within));
        assert_eq!(expected.len(), 20, "{expected:#?}");
        assert_eq!(moves.all().await, expected);
        let (mut told, mut ticks) = (Vec::new(), 0);
        let mut of_events = Vec::new();
        while let Some(event) = events.recv().await {
            match event.kind {
                EventKind::Moved { .. } => told.push(event.to_string()),
                EventKind::TickEnded { .. } => ticks += 1,
                _ => {}
            }
            of_events.push(event.to_string());
        }
        assert_eq!(told, expected);
        assert_eq!(ticks, 1, "{of_events:#?}");
        assert_eq!(*observed.lock().unwrap(), of_events);
    }
}

#[tokio::test(start_paused = true)]
async fn what_it_was_asked_before_holds() {
    for how in 0..5 {
        let journal = Journal::new();
        let inner = module(&journal);
        let handle = inner.handle();
        handle.pause("gc").unwrap();
        let (path, outer) = wrapped(how, inner).await;
        let running = start(outer);
        handle.await_healthy().await.unwrap();
        sleep(secs(600)).await;
        assert!(handle.status("gc").unwrap().paused, "{path}");
        assert_eq!(journal.count(&format!("{path}/gc: tick 1")), 0);
        running.stop().await.into_result().unwrap();

        let inner = module(&journal);
        let handle = inner.handle();
        handle.shutdown();
        let (_, outer) = wrapped(how, inner).await;
        let begun = journal.begun().len();
        let running = start(outer);
        assert!(matches!(running.wait().await, Reason::Requested), "{path}");
        let outcome = running.stop().await;
        assert_eq!(outcome.exit_code(), 0, "{outcome}");
        assert_eq!(journal.begun().len(), begun, "nothing was started");
        assert!(matches!(handle.wait().await, Reason::Requested));
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_ends_its_wait_when_no_other_run_follows() {
    let journal = Journal::new();
    let inner = || {
        registry! {
            "feed" => journal.script().run(takes(secs(1)).then(fails("disk full"))).worker(),
        }
    };
    let (ignored, restarted) = (inner(), inner());
    let handles = [ignored.handle(), restarted.handle()];
    let reasons = handles.each_ref().map(waits);
    let running = start(registry! {
        "ignored" => ignored, on_failure = ignore,
        "restarted" => restarted, on_failure = restart(backoff = "1s..1s", max = 3, then = ignore),
        "other" => journal.script().idle(),
    });
    sleep(millis(1_500)).await;
    assert!(reasons[0].is_finished());
    let mut told = Vec::new();
    for (handle, reason) in handles.iter().zip(reasons) {
        told.push((reason.await.unwrap().to_string(), journal.now()));
        let error = timeout(Duration::ZERO, handle.await_healthy()).await;
        assert!(error.unwrap().is_err());
    }
    assert_eq!(told[0].0, "service `ignored/feed` failed in run: disk full");
    assert_eq!(
        told[1].0,
        "service `restarted/feed` failed in run: disk full"
    );
    // Four runs of a second, and three waits of at least half of one.
    assert!((millis(5_500)..=secs(7)).contains(&told[1].1), "{told:?}");
    assert!(
        running.handle().reason().is_none(),
        "the application goes on"
    );
    drop(running);
}

#[tokio::test(start_paused = true)]
async fn one_of_oneshots_is_told_that_they_have_finished() {
    let journal = Journal::new();
    let inner = registry! { "migrate" => journal.script().run(takes(secs(2))).oneshot() };
    let (handle, reason) = (inner.handle(), waits(&inner.handle()));
    let running = start(registry! { "part" => inner, "api" => journal.script().idle() });
    assert!(matches!(reason.await.unwrap(), Reason::Finished));
    assert_eq!(journal.now(), secs(2));
    assert!(handle.await_healthy().await.is_ok());
    running.stop().await.into_result().unwrap();
}

#[tokio::test(start_paused = true)]
async fn of_several_services_that_it_is_the_first_is_followed_and_then_one_of_another_application()
{
    let journal = Journal::new();
    let shared = Arc::new(module(&journal));
    let handle = shared.handle();
    let moves = Arc::new(Mutex::new(Vec::new()));
    let watching = tokio::spawn({
        let (mut seen, moves) = (handle.subscribe(), moves.clone());
        async move {
            while let Some(to) = seen.recv().await {
                moves.lock().unwrap().push(to.to_string());
            }
        }
    });
    let running = start(registry! { "first" => shared.clone(), "second" => shared.clone() });
    running.await_healthy().await.unwrap();
    check_shown(&handle, &running, "first");
    running.stop().await.into_result().unwrap();
    assert_eq!(
        states(&handle),
        ["first/store: stopped", "first/gc: stopped"]
    );

    let running = start(registry! { "third" => shared.clone() });
    running.await_healthy().await.unwrap();
    check_shown(&handle, &running, "third");
    running.stop().await.into_result().unwrap();
    assert!(!watching.is_finished());
    drop(shared);
    watching.await.unwrap();
    let moves = moves.lock().unwrap();
    assert!(moves.iter().all(|line| !line.starts_with("second/")));
    assert_eq!(moves.len(), 20);
}

#[tokio::test(start_paused = true)]
async fn of_a_member_that_is_removed_it_keeps_what_it_shows() {
    let journal = Journal::new();
    let tenants = Group::new();
    let running = start(registry! { "tenants" => tenants.clone() });
    running.await_healthy().await.unwrap();
    let (acme, other) = (module(&journal), module(&journal));
    let (of_acme, of_other) = (acme.handle(), other.handle());
    let reason = waits(&of_acme);
    tenants.add("acme", acme).await.unwrap();
    check_shown(&of_acme, &running, "tenants/acme");
    tenants.remove("acme").await.into_result().unwrap();
    reason.await.unwrap();
    let gone = ["tenants/acme/store: stopped", "tenants/acme/gc: stopped"];
    assert_eq!(states(&of_acme), gone);
    tenants.add("acme", other).await.unwrap();
    check_shown(&of_other, &running, "tenants/acme");
    assert_eq!(states(&of_acme), gone, "the slot is that of the other");
    running.stop().await.into_result().unwrap();
}

#[tokio::test(start_paused = true)]
async fn it_is_told_when_the_application_around_it_is_never_started() {
    for how in 0..5 {
        let inner = module(&Journal::new());
        let (handle, moves) = (inner.handle(), Moves::watch(&inner.handle()));
        let (reason, healthy) = (waits(&handle), comes_up(&handle));
        let (_, outer) = wrapped(how, inner).await;
        drop(outer);
        assert!(matches!(reason.await.unwrap(), Reason::Dropped), "{how}");
        assert!(healthy.await.unwrap().is_err());
        assert_eq!(moves.all().await, [""; 0]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_is_polled_late_tells_why_the_run_has_stopped() {
    let inner = module(&Journal::new());
    let handle = inner.handle();
    let mut reason = pin!(handle.wait());
    let is_pending = poll_fn(|task| Poll::Ready(reason.as_mut().poll(task).is_pending())).await;
    assert!(is_pending, "it waits for the registry's own application");
    let running = start(registry! { "part" => inner });
    running.await_healthy().await.unwrap();
    running.stop().await.into_result().unwrap();
    assert!(matches!(reason.await, Reason::Requested));
}

#[test]
fn whenever_it_is_asked_it_shows_a_run_and_ends_its_waits() {
    let runtime = threads(2);
    for round in 0..1_000 {
        runtime.block_on(async {
            let journal = Journal::new();
            let inner = registry! { "gc" => journal.script().scheduled(secs(60)) };
            let (handle, reason) = (inner.handle(), waits(&inner.handle()));
            let moves = Moves::watch(&handle);
            let asks = tokio::spawn({
                let handle = handle.clone();
                async move {
                    handle.await_healthy().await.unwrap();
                    for _ in 0..8 {
                        assert_eq!(handle.states().len(), 1);
                        tokio::task::yield_now().await;
                    }
                }
            });
            if round % 2 == 0 {
                tokio::task::yield_now().await;
            }
            let running = start(registry! { "part" => inner });
            running.await_healthy().await.unwrap();
            running.handle().restart("part").await.unwrap();
            asks.await.unwrap();
            running.stop().await.into_result().unwrap();
            let ended = timeout(secs(30), reason).await.unwrap();
            let ended = ended.unwrap();
            assert!(matches!(ended, Reason::Requested), "{round}: {ended:?}");
            assert_eq!(moves.all().await.len(), 10);
        });
    }
}
