//! A registry as a service of another one.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use lifecycle::{
    Cause, Context, EventKind, Fault, Idle, OnFailure, Phase, Reason, Registry, Result, Service,
    ServiceError, Shape, State, TriggerError, Worker, async_trait, registry, service,
};
use lifecycle_tests::{
    Journal, Log, Moves, Plain, fails, hangs, millis, panics, secs, shuts_down, start, state_of,
    states, takes, until_requested,
};
use tokio::runtime::Handle as Runtime;
use tokio::time::{Instant, sleep};

/// A store, and what needs it.
fn module(journal: &Journal) -> Registry {
    registry! {
        "inner-store" => journal.script().startup(takes(secs(1))).drain(takes(secs(1))).idle(),
        "inner-api" => journal.script().drain(takes(secs(1))).worker(), after = ["inner-store"],
    }
}

#[tokio::test(start_paused = true)]
async fn its_services_are_shown_as_paths_before_the_start_while_it_runs_and_after_the_stop() {
    let journal = Journal::new();
    let deep = registry! { "module" => module(&journal) };
    let outer = registry! {
        "store" => journal.script().idle(),
        "deep" => deep, after = ["store"],
    };
    let handle = outer.handle();
    let shown = |state: State| {
        let names = [
            "store",
            "deep",
            "deep/module",
            "deep/module/inner-store",
            "deep/module/inner-api",
        ];
        names.map(|name| format!("{name}: {state}"))
    };
    assert_eq!(states(&handle), shown(State::New));
    assert_eq!(handle.states()[1].shape, Shape::Registry);
    let running = start(outer);
    running.await_healthy().await.unwrap();
    assert_eq!(states(&handle), shown(State::Running));
    let outcome = running.stop().await;
    assert_eq!(outcome.exit_code(), 0, "{outcome}");
    assert_eq!(states(&handle), shown(State::Stopped));
    assert_eq!(outcome.services().len(), 5);
    assert!(
        outcome
            .to_string()
            .contains("5 services: 5 stopped, 0 failed")
    );
}

#[tokio::test(start_paused = true)]
async fn it_runs_when_its_services_do_and_stops_before_what_it_needs() {
    let journal = Journal::new();
    let running = start(registry! {
        "store" => journal.script().idle(),
        "module" => module(&journal), after = ["store"],
        "api" => journal.script().worker(), after = ["module"],
    });
    sleep(millis(500)).await;
    assert_eq!(state_of(&running.handle(), "module"), State::Starting);
    assert!(!running.handle().is_healthy());
    running.await_healthy().await.unwrap();
    assert_eq!(journal.now(), secs(1));
    running.stop().await.into_result().unwrap();
    journal.assert_order(&[
        "module/inner-store: startup done",
        "api: run",
        "api: drain",
        "module/inner-api: drain",
        "module/inner-api: drain done",
        "module/inner-store: drain",
        "module/inner-store: drain done",
        "store: drain",
    ]);
    assert_eq!(journal.now(), secs(3));
}

#[tokio::test(start_paused = true)]
async fn every_move_of_its_services_is_told_outside_from_the_first_on() {
    let journal = Journal::new();
    let outer = registry! { "deep" => registry! { "module" => module(&journal) } };
    let moves = Moves::watch(&outer.handle());
    let running = start(outer);
    running.await_healthy().await.unwrap();
    let (outcome, moves) = tokio::join!(running.stop(), moves.all());
    assert_eq!(outcome.exit_code(), 0);
    let expected = [
        "deep: new -> waiting",
        "deep: waiting -> starting",
        "deep/module: new -> waiting",
        "deep/module: waiting -> starting",
        "deep/module/inner-store: new -> waiting",
        "deep/module/inner-api: new -> waiting",
        "deep/module/inner-store: waiting -> starting",
        "deep/module/inner-store: starting -> running",
        "deep/module/inner-api: waiting -> starting",
        "deep/module/inner-api: starting -> running",
        "deep/module: starting -> running",
        "deep: starting -> running",
        "deep: running -> stopping",
        "deep/module: running -> stopping",
        "deep/module/inner-api: running -> stopping",
        "deep/module/inner-api: stopping -> stopped",
        "deep/module/inner-store: running -> stopping",
        "deep/module/inner-store: stopping -> stopped",
        "deep/module: stopping -> stopped",
        "deep: stopping -> stopped",
    ];
    assert_eq!(moves, expected);
}

fn inner_of(error: &ServiceError) -> &ServiceError {
    let cause = error.cause().expect("it has a cause");
    cause.downcast_ref().expect("it is that of a service")
}

#[tokio::test(start_paused = true)]
async fn a_failed_start_in_it_keeps_its_structure() {
    let journal = Journal::new();
    let inner = registry! {
        "bad" => journal.script().startup(fails("no disk")).idle(),
        "needs" => journal.script().idle(), after = ["bad"],
    };
    let running = start(registry! {
        "store" => journal.script().idle(),
        "module" => inner, after = ["store"],
        "api" => journal.script().idle(), after = ["module"],
    });
    let error = running.await_healthy().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "service `module` failed in startup: service `module/bad` failed in startup: no disk"
    );
    let outcome = running.stop().await;
    assert_eq!(outcome.exit_code(), 1);
    let names = outcome.failures().iter().map(ServiceError::service);
    assert_eq!(
        names.collect::<Vec<_>>(),
        ["module/bad", "module/needs", "module", "api"]
    );
    let outer = &outcome.failures()[2];
    assert_eq!(outer.phase(), Phase::Startup);
    assert_eq!(inner_of(outer).service(), "module/bad");
    assert_eq!(inner_of(outer).phase(), Phase::Startup);
    let Fault::Dependency(root) = outcome.failures()[1].fault() else {
        panic!("{outcome}");
    };
    assert_eq!(root, "module/bad");
    assert_eq!(journal.count("store: drain done"), 1);
    assert_eq!(journal.count("api: startup"), 0);
}

#[tokio::test(start_paused = true)]
async fn what_fails_in_it_later_fails_it_and_all_is_drained_in_turn() {
    for policy in [OnFailure::Shutdown, OnFailure::Ignore] {
        let journal = Journal::new();
        let inner = registry! {
            "inner-store" => journal.script().idle(),
            "bad" => journal.script().run(takes(secs(1)).then(panics("index 7"))).worker(), after = ["inner-store"],
        };
        let outer = Registry::builder()
            .service("store", journal.script().idle())
            .service("module", inner)
            .after(["store"])
            .on_failure(policy)
            .service("api", journal.script().drain(takes(secs(1))).worker())
            .wants(["module"]);
        let running = start(outer.build().unwrap());
        running.await_healthy().await.unwrap();
        sleep(secs(5)).await;
        let handle = running.handle();
        assert_eq!(state_of(&handle, "module"), State::Failed);
        assert_eq!(state_of(&handle, "module/bad"), State::Failed);
        let is_ignored = policy == OnFailure::Ignore;
        assert_eq!(running.handle().is_healthy(), is_ignored);
        assert_eq!(
            journal.count("module/inner-store: drain done"),
            usize::from(is_ignored)
        );
        let outcome = running.stop().await;
        assert_eq!(outcome.exit_code(), u8::from(!is_ignored), "{outcome}");
        let all: Vec<_> = outcome.failures().iter().map(ToString::to_string).collect();
        let within = "service `module/bad` panicked in run: index 7";
        assert_eq!(
            all,
            [
                within.to_owned(),
                format!("service `module` failed in run: {within}")
            ]
        );
        assert!(
            outcome
                .failures()
                .iter()
                .all(|error| error.after() == secs(1))
        );
        assert_eq!(journal.count("module/inner-store: drain done"), 1);
        assert_eq!(journal.count("module/bad: drain done"), 1);
        if !is_ignored {
            journal.assert_order(&[
                "api: drain done",
                "module/bad: drain",
                "module/inner-store: drain",
                "store: drain",
            ]);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_drain_that_fails_in_it_makes_it_fail_in_its_drain() {
    let journal = Journal::new();
    let inner = registry! { "bad" => journal.script().drain(fails("disk full")).idle() };
    let running = start(registry! { "module" => inner });
    running.await_healthy().await.unwrap();
    let outcome = running.stop().await;
    assert_eq!(outcome.exit_code(), 1);
    let failed = outcome.failures().last().unwrap();
    assert_eq!(
        (failed.service().as_str(), failed.phase()),
        ("module", Phase::Drain)
    );
    assert_eq!(
        inner_of(failed).to_string(),
        "service `module/bad` failed in drain: disk full"
    );
}

#[tokio::test(start_paused = true)]
async fn what_does_not_count_in_it_does_not_count_outside() {
    let journal = Journal::new();
    let inner = registry! {
        "cache" => journal.script().startup(fails("no cache")).idle(), on_failure = ignore,
        "inner-store" => journal.script().idle(), wants = ["cache"],
    };
    let running = start(registry! { "module" => inner });
    running.await_healthy().await.unwrap();
    assert!(running.handle().is_healthy());
    let outcome = running.stop().await;
    assert_eq!(outcome.exit_code(), 0, "{outcome}");
    assert_eq!(outcome.failures()[0].service(), "module/cache");
    assert_eq!(outcome.failures().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn its_events_are_told_outside_with_paths() {
    let journal = Journal::new();
    let bad = journal
        .script()
        .startup(takes(secs(1)).then(fails("lost")))
        .idle();
    let outer = registry! { "deep" => registry! { "module" => registry! { "bad" => bad } } };
    let mut events = outer.handle().events();
    let running = start(outer);
    running.wait().await;
    drop(running.stop().await);
    let mut failed = Vec::new();
    let mut lines = Vec::new();
    while let Some(event) = events.recv().await {
        if let EventKind::Failed(_) = event.kind {
            failed.extend(event.service.clone());
        }
        lines.push(event.to_string());
    }
    assert_eq!(failed, ["deep/module/bad", "deep/module", "deep"]);
    // Those of the whole are told once.
    let asked = |line: &&String| line.starts_with("stopping");
    assert_eq!(lines.iter().filter(asked).count(), 1, "{lines:#?}");
}

#[tokio::test(start_paused = true)]
async fn dependencies_and_the_critical_chain_go_through_it() {
    let journal = Journal::new();
    let running = start(registry! {
        "store" => journal.script().startup(takes(secs(1))).idle(),
        "module" => module(&journal), after = ["store"],
        "api" => journal.script().startup(takes(secs(1))).idle(), after = ["module"],
    });
    let handle = running.handle();
    running.await_healthy().await.unwrap();
    let paths = handle
        .states()
        .into_iter()
        .map(|status| status.name.to_string());
    let dependencies = handle.dependencies().into_iter().map(|all| {
        let names = all.iter().map(|one| one.name.to_string());
        names.collect::<Vec<_>>().join(", ")
    });
    let shown: Vec<_> = paths
        .zip(dependencies)
        .map(|(path, list)| format!("{path}: {list}"))
        .collect();
    assert_eq!(
        shown,
        [
            "store: ",
            "module: store",
            "module/inner-store: ",
            "module/inner-api: module/inner-store",
            "api: module",
        ]
    );
    let startup = handle.startup();
    let chain = startup.critical_chain().map(|one| one.name.as_str());
    assert_eq!(
        chain.collect::<Vec<_>>(),
        [
            "api",
            "module",
            "module/inner-api",
            "module/inner-store",
            "store"
        ]
    );
    running.stop().await.into_result().unwrap();
}

#[tokio::test(start_paused = true)]
async fn its_deadline_is_what_the_outer_run_has_left() {
    // The outer time, the inner deadline, and when the inner service is dropped.
    let cases = [
        ("4s", None, secs(4)),
        ("40s", None, secs(40)),
        ("40s", Some(secs(2)), secs(2)),
        ("4s", Some(secs(30)), secs(4)),
    ];
    for (outer, inner, ends) in cases {
        let before = Runtime::current().metrics().num_alive_tasks();
        let journal = Journal::new();
        let hangs = journal.script().run(hangs()).drain(hangs()).worker();
        let mut module = registry! {
            "inner-store" => journal.script().idle(),
            "hangs" => hangs, after = ["inner-store"], stop_timeout = "60s",
        };
        if let Some(deadline) = inner {
            module = module.deadline(deadline);
        }
        let timeout = outer.trim_end_matches('s').parse().map(secs).unwrap();
        let running = start(registry! {
            deadline = "60s",
            "store" => journal.script().idle(),
            "module" => module, after = ["store"], stop_timeout = timeout,
        });
        running.await_healthy().await.unwrap();
        let outcome = running.stop().await;
        // It has others below it, so three quarters are its own.
        assert_eq!(
            outcome.took(),
            Some(ends * 3 / 4),
            "{outer} {inner:?}: {outcome}"
        );
        let late: Vec<_> = outcome
            .laggards()
            .iter()
            .map(|late| late.service.as_str())
            .collect();
        assert_eq!(late, ["module/hangs", "module/hangs"], "{outcome}");
        assert_eq!(outcome.exit_code(), 1);
        let failed = outcome.failures().last().unwrap();
        assert_eq!(failed.service(), "module");
        assert!(matches!(inner_of(failed).fault(), Fault::Late(_)));
        assert_eq!(
            journal.count("module/inner-store: drain done"),
            1,
            "{outer}"
        );
        assert_eq!(journal.count("store: drain done"), 1, "{outer}");
        assert_eq!(Runtime::current().metrics().num_alive_tasks(), before);
    }
}

#[tokio::test(start_paused = true)]
async fn what_hangs_at_its_bottom_is_cut_with_it_and_alone_is_late() {
    let before = Runtime::current().metrics().num_alive_tasks();
    let journal = Journal::new();
    let inner = registry! {
        "hangs" => journal.script().run(hangs()).drain(hangs()).worker(), stop_timeout = "60s",
    };
    let running = start(registry! {
        "store" => journal.script().idle(),
        "module" => inner, after = ["store"], stop_timeout = "4s",
    });
    running.await_healthy().await.unwrap();
    let outcome = running.stop().await;
    assert_eq!(outcome.took(), Some(secs(4)), "{outcome}");
    assert!(
        outcome
            .laggards()
            .iter()
            .all(|late| late.service == "module/hangs"),
        "{outcome}"
    );
    assert_eq!(outcome.failures().len(), 1, "{outcome}");
    assert_eq!(journal.count("store: drain done"), 1);
    assert_eq!(Runtime::current().metrics().num_alive_tasks(), before);
}

#[tokio::test(start_paused = true)]
async fn a_request_to_stop_reaches_it_at_once_though_its_turn_comes_later() {
    let journal = Journal::new();
    let inner = registry! {
        "first" => journal.script().startup(takes(secs(3))).idle(),
        "second" => journal.script().idle(), after = ["first"],
    };
    let running = start(registry! {
        "module" => inner,
        "api" => journal.script().drain(takes(secs(5))).worker(),
    });
    sleep(secs(1)).await;
    running.handle().shutdown();
    sleep(secs(4)).await;
    assert_eq!(journal.count("module/second: startup"), 0);
    let outcome = running.stop().await;
    assert_eq!(outcome.exit_code(), 0, "{outcome}");
    assert_eq!(journal.count("module/second: startup"), 0);
}

#[tokio::test(start_paused = true)]
async fn what_in_it_ends_by_itself_with_the_outer_stop_has_not_failed() {
    let journal = Journal::new();
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let mut sees = stopped.clone();
    let running = start(
        registry! {
            "module" => registry! { "ends" => Ends(stopped) },
            "other" => registry! { "leaves" => journal.script().run(until_requested()).worker() },
        }
        .stop_on(async move {
            let _ = sees.wait_for(|stop| *stop).await;
        }),
    );
    running.await_healthy().await.unwrap();
    stop.send(true).unwrap();
    assert!(matches!(running.wait().await, Reason::External));
    let outcome = running.stop().await;
    assert_eq!(outcome.exit_code(), 0, "{outcome}");
}

/// Ends when the rest of the program does.
#[service(worker)]
struct Ends(tokio::sync::watch::Receiver<bool>);

impl Worker for Ends {
    async fn run(&self, _: &Context) -> Result {
        let _ = self.0.clone().wait_for(|stop| *stop).await;
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn shutdown_in_it_means_the_whole_application() {
    let journal = Journal::new();
    let asks = journal
        .script()
        .run(takes(secs(1)).then(shuts_down()))
        .worker();
    let running = start(registry! {
        "module" => registry! { "deep" => registry! { "asks" => asks } },
        "api" => journal.script().worker(),
    });
    assert!(matches!(running.wait().await, Reason::Requested));
    assert_eq!(journal.now(), secs(1));
    let outcome = running.stop().await;
    assert_eq!(outcome.exit_code(), 0, "{outcome}");
}

#[service(idle)]
struct Asks(Arc<Mutex<Vec<String>>>);

impl Idle for Asks {
    async fn drain(&self, cx: &Context) -> Result {
        let Some(Cause::Shutdown(reason)) = cx.cause() else {
            return Err("no reason".into());
        };
        self.0
            .lock()
            .unwrap()
            .push(format!("{}: {reason}", cx.name()));
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_drain_in_it_learns_why_the_outer_application_stops() {
    let reasons = Arc::<Mutex<Vec<String>>>::default();
    let journal = Journal::new();
    let running = start(registry! {
        "module" => registry! { "asks" => Asks(reasons.clone()) },
        "bad" => journal.script().run(takes(secs(1)).then(fails("lost"))).worker(),
    });
    running.wait().await;
    let outcome = running.stop().await;
    assert_eq!(outcome.failures().len(), 1, "{outcome}");
    assert_eq!(
        *reasons.lock().unwrap(),
        ["module/asks: service `bad` failed in run: lost"]
    );
}

#[tokio::test(start_paused = true)]
async fn ticks_in_it_are_triggered_by_path() {
    let journal = Journal::new();
    let inner = registry! { "gc" => journal.script().scheduled(secs(600)) };
    let outer =
        registry! { "deep" => registry! { "module" => inner }, "store" => journal.script().idle() };
    let handle = outer.handle();
    let unstarted = handle.trigger("deep/module/gc").await.unwrap_err();
    assert!(matches!(unstarted, TriggerError::NotStarted), "{unstarted}");
    let running = start(outer);
    running.await_healthy().await.unwrap();
    handle.trigger("deep/module/gc").await.unwrap();
    assert_eq!(journal.count("deep/module/gc: tick 1 done"), 1);
    for unknown in [
        "gc",
        "module/gc",
        "deep/gc",
        "deep/module/gc/gc",
        "store/gc",
        "deep/",
    ] {
        let error = handle.trigger(unknown).await.unwrap_err();
        assert!(
            matches!(error, TriggerError::Unknown(_)),
            "{unknown}: {error}"
        );
    }
    let error = handle.trigger("deep/module").await.unwrap_err();
    assert!(matches!(error, TriggerError::NotScheduled(_)), "{error}");
    running.stop().await.into_result().unwrap();
}

/// Triggers a tick of the service beside it, by the name that it has there.
#[service(worker)]
struct Triggers;

impl Worker for Triggers {
    async fn run(&self, cx: &Context) -> Result {
        cx.handle().trigger("gc").await?;
        cx.stop_channel().closed().await;
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_in_it_triggers_its_neighbour_by_the_name_that_it_has_there() {
    let journal = Journal::new();
    let inner = registry! {
        "gc" => journal.script().scheduled(secs(600)),
        "triggers" => Triggers, after = ["gc"],
    };
    let running = start(registry! { "module" => inner });
    sleep(secs(1)).await;
    assert_eq!(journal.count("module/gc: tick 1 done"), 1);
    running.stop().await.into_result().unwrap();
}

#[tokio::test(start_paused = true)]
async fn one_of_oneshots_is_up_when_they_have_succeeded_and_has_no_time_limit() {
    let journal = Journal::new();
    let inner = registry! { "migrate" => journal.script().run(takes(secs(300))).oneshot() };
    let running = start(registry! {
        "setup" => inner,
        "api" => journal.script().worker(), after = ["setup"],
    });
    running.await_healthy().await.unwrap();
    assert_eq!(journal.now(), secs(300));
    sleep(secs(5)).await;
    assert_eq!(state_of(&running.handle(), "setup"), State::Running);
    assert_eq!(state_of(&running.handle(), "setup/migrate"), State::Stopped);
    running.stop().await.into_result().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_start_timeout_that_is_written_holds_and_names_what_is_not_up() {
    let journal = Journal::new();
    let running = start(registry! {
        "module" => registry! { "slow" => journal.script().startup(hangs()).idle() }, start_timeout = "5s",
    });
    let error = running.await_healthy().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "service `module` was not ready within 5s (`start_timeout`): not all of its services are up: `module/slow` is starting"
    );
    let outcome = running.stop().await;
    assert_eq!(outcome.exit_code(), 1);
    assert!(outcome.laggards().is_empty(), "{outcome}");
}

#[tokio::test(start_paused = true)]
async fn its_stop_on_ends_it_early() {
    let journal = Journal::new();
    let inner = registry! { "inner-store" => journal.script().idle() };
    let running = start(registry! {
        "module" => inner.stop_on(sleep(secs(1))),
        "api" => journal.script().worker(),
    });
    running.await_healthy().await.unwrap();
    let reason = running.wait().await;
    assert_eq!(
        reason.to_string(),
        "service `module` exited early: it returned before it was asked to stop"
    );
    let outcome = running.stop().await;
    assert_eq!(outcome.exit_code(), 1);
    assert_eq!(journal.count("module/inner-store: drain done"), 1);
}

#[tokio::test(start_paused = true)]
async fn its_shutdown_delay_is_left_out_with_a_warning() {
    let log = Log::open();
    let journal = Journal::new();
    let inner = registry! { "inner-store" => journal.script().idle() };
    let running = start(registry! { "module" => inner.shutdown_delay(secs(5)) });
    running.await_healthy().await.unwrap();
    let outcome = running.stop().await;
    assert_eq!(outcome.took(), Some(secs(0)));
    let warned = "the `shutdown_delay` of a registry that is a service is left out: that of the outer registry counts";
    let lines = log.lines();
    assert!(lines.iter().any(|line| line.contains(warned)), "{lines:#?}");
    let named = |line: &&String| line.contains("service=module/inner-store");
    assert!(lines.iter().filter(named).count() >= 4, "{lines:#?}");
    let whole = |line: &&String| line.starts_with("INFO") && !line.contains("service=");
    assert_eq!(lines.iter().filter(whole).count(), 3, "{lines:#?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_wrong_with_it_fails_its_start() {
    let journal = Journal::new();
    let inner = registry! { "inner-store" => journal.script().idle() };
    let running = start(registry! {
        "module" => inner.deadline(secs(1)).shutdown_delay(secs(2)),
    });
    let error = running.await_healthy().await.unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("service `module` failed in startup: "),
        "{error}"
    );
    assert!(
        error.to_string().contains("leaves nothing of the deadline"),
        "{error}"
    );
    assert_eq!(running.stop().await.exit_code(), 1);
    assert!(journal.all().is_empty());
}

#[tokio::test(start_paused = true)]
async fn behind_a_decorator_it_is_what_it_is_once_it_starts() {
    let journal = Journal::new();
    let running = start(registry! { "module" => Plain(module(&journal)) });
    let handle = running.handle();
    assert_eq!(handle.states().len(), 1);
    running.await_healthy().await.unwrap();
    assert_eq!(handle.states()[0].shape, Shape::Registry);
    assert_eq!(state_of(&handle, "module/inner-api"), State::Running);
    running.stop().await.into_result().unwrap();
    journal.assert_order(&["module/inner-api: drain done", "module/inner-store: drain"]);
}

/// Starts it again as soon as it has failed.
struct Again(Arc<Registry>);

#[async_trait]
impl Service for Again {
    async fn start(&self, cx: &Context) -> Result {
        while let Err(error) = Service::start(&self.0, cx).await {
            if error.to_string().contains("for good") {
                return Err(error);
            }
            Service::stop(&self.0, cx).await?;
        }
        Ok(())
    }

    async fn stop(&self, cx: &Context) -> Result {
        Service::stop(&self.0, cx).await
    }
}

#[tokio::test(start_paused = true)]
async fn it_may_be_started_again_after_a_stop() {
    let journal = Journal::new();
    let twice = AtomicUsize::new(0);
    let again = registry! {
        "inner-store" => journal.script().idle(),
        "fails-twice" => FailsTwice(twice), after = ["inner-store"],
    };
    let running = start(registry! { "module" => Again(Arc::new(again)) });
    running.await_healthy().await.unwrap();
    assert_eq!(journal.count("module/inner-store: startup"), 3);
    assert_eq!(journal.count("module/inner-store: drain done"), 2);
    assert_eq!(
        state_of(&running.handle(), "module/fails-twice"),
        State::Running
    );
    let outcome = running.stop().await;
    assert_eq!(outcome.exit_code(), 0, "{outcome}");
    assert_eq!(outcome.failures().len(), 2);
    assert_eq!(journal.count("module/inner-store: drain done"), 3);
}

#[service(idle)]
struct FailsTwice(AtomicUsize);

impl Idle for FailsTwice {
    async fn startup(&self, _: &Context) -> Result {
        match self.0.fetch_add(1, Ordering::SeqCst) {
            0 | 1 => Err("not yet".into()),
            _ => Ok(()),
        }
    }
}

/// Fails after so many seconds, unless it is stopped before.
#[service(worker)]
struct FailsAfter(u64);

impl Worker for FailsAfter {
    async fn run(&self, cx: &Context) -> Result {
        tokio::select! {
            () = cx.stop_channel() => Ok(()),
            () = sleep(secs(self.0)) => Err("lost".into()),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_policy_restarts_it_and_what_is_in_it() {
    let journal = Journal::new();
    let inner = registry! {
        "inner-store" => journal.script().idle(),
        "dies" => FailsAfter(10), after = ["inner-store"],
        "recovers" => FailsAfter(4), on_failure = restart(backoff = "1s..1s", max = forever),
    };
    let running = start(registry! {
        "module" => inner, on_failure = restart(backoff = "1s..1s", max = forever),
        "api" => journal.script().worker(), wants = ["module"],
    });
    let handle = running.handle();
    running.await_healthy().await.unwrap();
    sleep(millis(4100)).await;
    assert_eq!(state_of(&handle, "module/recovers"), State::Backoff);
    assert!(!handle.is_healthy());
    assert_eq!(state_of(&handle, "module"), State::Running);
    running.await_healthy().await.unwrap();
    sleep(secs(6)).await;
    running.await_healthy().await.unwrap();
    assert_eq!(journal.count("module/inner-store: startup done"), 2);
    assert_eq!(journal.count("module/inner-store: drain done"), 1);
    assert_eq!(handle.status("module").unwrap().restarts, 1);
    handle.restart("module/inner-store").await.unwrap();
    assert_eq!(journal.count("module/inner-store: startup done"), 3);
    let outcome = running.stop().await;
    assert_eq!(outcome.exit_code(), 0, "{outcome}");
    // What has recovered is no failure.
    assert!(outcome.failures().is_empty(), "{outcome}");
}

#[tokio::test(start_paused = true)]
async fn one_that_is_shared_lives_under_each_name() {
    let journal = Journal::new();
    let shared = Arc::new(registry! { "inner-store" => journal.script().idle() });
    let running = start(registry! { "one" => shared.clone(), "two" => shared, after = ["one"] });
    running.await_healthy().await.unwrap();
    assert_eq!(journal.count("one/inner-store: startup"), 1);
    assert_eq!(journal.count("two/inner-store: startup"), 1);
    running.stop().await.into_result().unwrap();
    journal.assert_order(&["two/inner-store: drain done", "one/inner-store: drain"]);
}

struct NotesItsEnd(&'static str, Journal);

#[async_trait]
impl Service for NotesItsEnd {
    async fn start(&self, cx: &Context) -> Result {
        cx.ready();
        cx.stop_channel().closed().await;
        Ok(())
    }

    async fn stop(&self, _: &Context) -> Result {
        Ok(())
    }
}

impl Drop for NotesItsEnd {
    fn drop(&mut self) {
        self.1.note(self.0);
        assert_ne!(self.0, "api is gone", "in a destructor");
    }
}

#[tokio::test(start_paused = true)]
async fn its_values_are_dropped_with_it_dependents_first_before_what_it_needs() {
    let journal = Journal::new();
    let inner = registry! {
        "store" => NotesItsEnd("inner store is gone", journal.clone()),
        "api" => NotesItsEnd("api is gone", journal.clone()), after = ["store"],
    };
    let running = start(registry! {
        "store" => NotesItsEnd("store is gone", journal.clone()),
        "module" => inner, after = ["store"],
    });
    running.await_healthy().await.unwrap();
    let outcome = running.stop().await;
    journal.assert_order(&["api is gone", "inner store is gone", "store is gone"]);
    assert_eq!(outcome.exit_code(), 1);
    let failed = outcome.failures()[0].to_string();
    let wanted = "service `module` panicked in drain: ";
    assert!(
        failed.starts_with(wanted) && failed.contains("in a destructor"),
        "{failed}"
    );
}

#[tokio::test(start_paused = true)]
async fn nothing_of_it_is_left_whenever_the_outer_stop_comes() {
    for tenths in 0..40 {
        let before = Runtime::current().metrics().num_alive_tasks();
        let journal = Journal::new();
        let running = start(registry! {
            "store" => journal.script().idle(),
            "module" => registry! { "deep" => module(&journal) }, after = ["store"],
        });
        sleep(millis(tenths * 100)).await;
        let begun = Instant::now();
        let outcome = running.stop().await;
        assert!(begun.elapsed() <= secs(2));
        assert_eq!(outcome.exit_code(), 0, "{tenths}: {outcome}");
        for name in ["store", "module/deep/inner-store", "module/deep/inner-api"] {
            let started = journal.count(&format!("{name}: startup done"));
            if name != "module/deep/inner-api" {
                assert_eq!(
                    journal.count(&format!("{name}: drain done")),
                    started,
                    "{tenths}"
                );
            }
        }
        assert_eq!(Runtime::current().metrics().num_alive_tasks(), before);
    }
}
