//! Schedules that are paused, and resumed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use lifecycle::__private::{First, Missed, ScheduleKind};
use lifecycle::{
    EventKind, Group, Handle, Idle, Registry, Running, ScheduleError, ServiceStatus, State, Tick,
    TickCause, registry, service,
};
use lifecycle_tests::schedule::{Coalesce, Default, Immediate, Interval};
use lifecycle_tests::{
    Journal, Knobs, Plain as Wrapped, Trace, fails, millis, paused, secs, start, state_of, takes,
    threads,
};
use tokio::time::{sleep, timeout};

type Plain = (Interval, Coalesce, Default);

fn status(handle: &Handle) -> ServiceStatus {
    handle.states().remove(0)
}

#[test]
fn no_tick_begins_by_itself_and_one_that_is_asked_for_does() {
    paused(async {
        let trace = Knobs::every(100).trace();
        let running = start(trace.alone::<Plain>());
        let handle = running.handle();
        trace.reach(150).await;
        handle.pause("probe").unwrap();
        assert!(status(&handle).paused);
        assert_eq!(status(&handle).ticks.unwrap().next_due, None);
        trace.reach(1_000_050).await;
        assert_eq!(trace.starts(), [100]);
        handle.trigger("probe").await.unwrap();
        trace.reach(2_000_050).await;
        assert_eq!(trace.starts(), [100, 1_000_050]);
        assert_eq!(trace.told()[1].cause, TickCause::Trigger);
        assert!(handle.is_healthy(), "readiness is unchanged");
        handle.resume("probe").unwrap();
        trace.reach(2_000_150).await;
        assert_eq!(trace.starts()[2..], [2_000_050, 2_000_100]);
        assert!(!status(&handle).paused);
        running.stop().await.into_result().unwrap();
    });
}

#[test]
fn a_tick_in_flight_ends() {
    paused(async {
        let trace = Knobs::every(100).takes(&[50]).trace();
        let running = start(trace.alone::<Plain>());
        let handle = running.handle();
        trace.reach(120).await;
        handle.pause("probe").unwrap();
        assert!(status(&handle).ticks.unwrap().in_flight());
        trace.reach(950).await;
        assert_eq!(trace.ticks()[0].end, Some(150));
        assert_eq!(trace.starts(), [100]);
        drop(running);
    });
}

#[test]
fn after_a_pause_the_rule_for_missed_points_holds() {
    let (interval, delay) = (ScheduleKind::Interval, ScheduleKind::Delay);
    for (kind, missed, starts) in [
        (interval, Missed::Coalesce, [100, 350, 400, 500]),
        (interval, Missed::Skip, [100, 400, 500, 600]),
        (interval, Missed::Burst, [100, 350, 350, 400]),
        (interval, Missed::Delay, [100, 450, 550, 650]),
        (delay, Missed::Coalesce, [100, 350, 450, 550]),
    ] {
        paused(async {
            let trace = Knobs::every(100).trace();
            let running = start(trace.registry(kind, missed, First::Default));
            let handle = running.handle();
            trace.reach(150).await;
            handle.pause("probe").unwrap();
            trace.reach(350).await;
            handle.resume("probe").unwrap();
            trace.reach_ticks(4).await;
            drop(running);
            assert_eq!(trace.starts()[..4], starts, "{kind:?} {missed:?}");
            if missed == Missed::Coalesce && kind == interval {
                assert_eq!(trace.told()[1].missed, 1, "200, besides 300");
            }
        });
    }
}

#[test]
fn a_pause_that_misses_nothing_changes_nothing() {
    for missed in [Missed::Coalesce, Missed::Skip, Missed::Burst, Missed::Delay] {
        paused(async {
            let trace = Knobs::every(100).takes(&[30]).trace();
            let running = start(trace.registry(ScheduleKind::Interval, missed, First::Default));
            let handle = running.handle();
            for pause in [110, 250, 305] {
                trace.reach(pause).await;
                handle.pause("probe").unwrap();
                trace.reach(pause + 10).await;
                handle.resume("probe").unwrap();
            }
            trace.reach_ticks(5).await;
            drop(running);
            assert_eq!(trace.starts(), [100, 200, 300, 400, 500], "{missed:?}");
        });
    }
}

#[test]
fn a_tick_on_demand_during_a_pause_leaves_the_missed_points_missed() {
    paused(async {
        let trace = Knobs::every(100).takes(&[5]).trace();
        let running = start(trace.alone::<Plain>());
        let handle = running.handle();
        trace.reach(150).await;
        handle.pause("probe").unwrap();
        trace.reach(350).await;
        handle.trigger("probe").await.unwrap();
        trace.reach(555).await;
        handle.resume("probe").unwrap();
        trace.reach_ticks(4).await;
        drop(running);
        assert_eq!(trace.starts(), [100, 350, 555, 600]);
        let late = trace.told()[2].clone();
        assert_eq!(trace.since_origin(late.due), millis(500));
        assert_eq!(late.missed, 3, "200, 300 and 400");
    });
}

#[test]
fn before_the_start_the_first_tick_is_held_back() {
    paused(async {
        let trace = Knobs::every(100).trace();
        let registry = trace.alone::<(Interval, Coalesce, Immediate)>();
        let handle = registry.handle();
        handle.pause("probe").unwrap();
        let running = start(registry);
        trace.reach(250).await;
        assert_eq!(trace.starts(), [0; 0]);
        assert_eq!(state_of(&handle, "probe"), State::Running);
        handle.resume("probe").unwrap();
        trace.reach_ticks(2).await;
        assert_eq!(trace.starts(), [250, 300]);
        drop(running);
    });
}

#[test]
fn a_paused_service_stops_at_once_and_drains() {
    paused(async {
        let trace = Knobs::every(100).trace();
        let running = start(trace.alone::<Plain>());
        let handle = running.handle();
        running.await_healthy().await.unwrap();
        handle.pause("probe").unwrap();
        trace.reach(250).await;
        running.stop().await.into_result().unwrap();
        assert_eq!(trace.now(), 250);
        assert_eq!(trace.drains(), [250]);
        // A handle outlives the run, and changes nothing of it.
        handle.resume("probe").unwrap();
        assert_eq!(trace.starts(), [0; 0]);
    });
}

#[test]
fn values_that_change_during_a_pause_are_read() {
    paused(async {
        let trace = Knobs::every(100).trace();
        let running = start(trace.alone::<Plain>());
        let handle = running.handle();
        trace.reach(150).await;
        handle.pause("probe").unwrap();
        trace.turn(|knobs| knobs.every = millis(0));
        trace.reach(60_250).await;
        assert!(status(&handle).degraded.is_some(), "within a minute");
        trace.turn(|knobs| knobs.every = millis(70));
        trace.reach(120_350).await;
        assert_eq!(status(&handle).degraded, None);
        handle.resume("probe").unwrap();
        trace.reach_ticks(3).await;
        drop(running);
        // The new interval was read at 120,200, and the points before that do not count.
        assert_eq!(trace.starts(), [100, 120_350, 120_410]);
        assert_eq!(trace.told()[1].missed, 1);
    });
}

#[test]
fn an_interval_that_changes_as_it_is_resumed_begins_then() {
    paused(async {
        let trace = Knobs::every(100).trace();
        let running = start(trace.alone::<Plain>());
        let handle = running.handle();
        trace.reach(150).await;
        handle.pause("probe").unwrap();
        trace.reach(350).await;
        trace.turn(|knobs| knobs.every = millis(40));
        handle.resume("probe").unwrap();
        trace.reach_ticks(3).await;
        drop(running);
        assert_eq!(trace.starts(), [100, 390, 430]);
    });
}

#[service(idle)]
struct Store;

impl Idle for Store {}

#[test]
fn what_cannot_be_paused_is_told() {
    paused(async {
        let (trace, journal) = (Knobs::every(100).trace(), Journal::new());
        let registry = registry! {
            "store" => Store,
            "probe" => trace.probe::<Plain>(),
            "custom" => journal.script().startup(takes(millis(10))).custom(),
        };
        let handle = registry.handle();
        let pause = |name: &str| handle.pause(name).unwrap_err();
        let unknown = pause("prob");
        assert_eq!(unknown, ScheduleError::Unknown("prob".to_owned()));
        assert_eq!(unknown.to_string(), "no service is named `prob`");
        let idle = pause("store");
        assert_eq!(idle, ScheduleError::NotScheduled("store".into()));
        let told = "service `store` is not scheduled: it has no ticks";
        assert_eq!(idle.to_string(), told);
        assert_eq!(pause("custom"), ScheduleError::NotUp("custom".into()));
        assert_eq!(handle.resume("store").unwrap_err(), idle);
        let running = start(registry);
        running.await_healthy().await.unwrap();
        let custom = ScheduleError::NotScheduled("custom".into());
        assert_eq!(pause("custom"), custom);
        running.stop().await.into_result().unwrap();
    });
}

#[test]
fn a_pause_and_its_end_are_events_and_each_is_told_once() {
    paused(async {
        let trace = Knobs::every(100).trace();
        let running = start(trace.alone::<Plain>());
        let handle = running.handle();
        running.await_healthy().await.unwrap();
        let mut events = handle.events();
        for _ in 0..3 {
            handle.pause("probe").unwrap();
        }
        for _ in 0..3 {
            handle.resume("probe").unwrap();
        }
        running.stop().await.into_result().unwrap();
        let mut told = Vec::new();
        while let Some(event) = events.recv().await {
            if matches!(event.kind, EventKind::Paused | EventKind::Resumed) {
                told.push(event.to_string());
            }
        }
        assert_eq!(told, ["probe: paused", "probe: resumed"]);
    });
}

#[test]
fn keys_of_ticks_after_a_pause_are_new() {
    paused(async {
        let trace = Knobs::every(100).trace();
        let running = start(trace.alone::<Plain>());
        let handle = running.handle();
        trace.reach(150).await;
        handle.pause("probe").unwrap();
        handle.trigger("probe").await.unwrap();
        trace.reach(350).await;
        handle.resume("probe").unwrap();
        trace.reach_ticks(3).await;
        drop(running);
        let mut keys: Vec<String> = trace.told().iter().map(Tick::key).collect();
        keys.dedup();
        assert_eq!(keys.len(), 3);
    });
}

#[test]
fn a_schedule_of_an_inner_registry_is_paused_by_its_path() {
    paused(async {
        let trace = Knobs::every(100).trace();
        let running = start(registry! { "batch" => trace.alone::<Plain>() });
        running.await_healthy().await.unwrap();
        let handle = running.handle();
        trace.reach(150).await;
        handle.pause("batch/probe").unwrap();
        trace.reach(350).await;
        handle.resume("batch/probe").unwrap();
        trace.reach_ticks(2).await;
        assert_eq!(trace.starts(), [100, 350]);
        assert!(trace.told()[0].key().starts_with("batch/probe/2"));
        running.stop().await.into_result().unwrap();
    });
}

async fn restart(running: &Running, what: &str) {
    running.handle().restart(what).await.unwrap();
    running.await_healthy().await.unwrap();
}

/// The path of the schedule, how it is wrapped, and what is restarted.
type Wrapping = (
    &'static str,
    fn(&Trace) -> Registry,
    &'static [&'static str],
);

#[test]
fn a_pause_holds_over_restarts_of_its_service_and_of_the_registries_around_it() {
    let wrappings: [Wrapping; 5] = [
        ("probe", |trace| trace.alone::<Plain>(), &["probe"]),
        (
            "batch/probe",
            |trace| registry! { "batch" => trace.alone::<Plain>() },
            &["batch/probe", "batch"],
        ),
        (
            "outer/batch/probe",
            |trace| {
                let batch = registry! { "batch" => trace.alone::<Plain>() };
                registry! { "outer" => batch }
            },
            &["outer/batch/probe", "outer/batch", "outer"],
        ),
        (
            "batch/probe",
            |trace| {
                let inner = registry! { "probe" => Wrapped(trace.probe::<Plain>()) };
                registry! { "batch" => Wrapped(inner) }
            },
            &["batch/probe", "batch"],
        ),
        (
            "outer/batch/probe",
            |trace| {
                let batch = registry! { "batch" => Wrapped(trace.alone::<Plain>()) };
                registry! { "outer" => batch }
            },
            &["outer/batch/probe", "outer/batch", "outer"],
        ),
    ];
    for (path, wrap, around) in wrappings {
        paused(async {
            let trace = Knobs::every(100).trace();
            let running = start(wrap(&trace));
            let handle = running.handle();
            running.await_healthy().await.unwrap();
            trace.reach(150).await;
            handle.pause(path).unwrap();
            for (rounds, what) in around.iter().chain(around).enumerate() {
                restart(&running, what).await;
                let status = handle.status(path).unwrap();
                assert!(status.paused, "{path} after a restart of {what}");
                sleep(millis(1_000)).await;
                assert_eq!(trace.starts(), [100], "{path} {rounds}");
            }
            handle.trigger(path).await.unwrap();
            assert_eq!(trace.starts().len(), 2);
            handle.resume(path).unwrap();
            sleep(millis(250)).await;
            assert!(trace.starts().len() > 3);
            let before = trace.starts().len();
            restart(&running, around.last().unwrap()).await;
            assert!(!handle.status(path).unwrap().paused);
            sleep(millis(250)).await;
            assert_eq!(trace.starts().len(), before + 2);
            running.stop().await.into_result().unwrap();
        });
    }
}

#[test]
fn a_pause_holds_while_a_policy_restarts_the_registry_around_it() {
    paused(async {
        let (trace, journal) = (Knobs::every(100).trace(), Journal::new());
        let fails = takes(millis(250)).then(fails("as scripted"));
        let inner = registry! {
            "probe" => trace.probe::<Plain>(),
            "feed" => journal.script().run(fails).worker(), after = ["probe"],
        };
        let running = start(registry! {
            "batch" => inner, on_failure = restart(backoff = "1s..2s", max = forever),
        });
        let handle = running.handle();
        running.await_healthy().await.unwrap();
        handle.pause("batch/probe").unwrap();
        trace.reach(60_000).await;
        assert!(handle.status("batch").unwrap().restarts > 20);
        assert!(handle.status("batch/probe").unwrap().paused);
        assert_eq!(trace.starts(), [0; 0]);
        // The stop may come as the worker fails once more.
        let _ = running.stop().await;
    });
}

#[test]
fn a_pause_of_a_member_holds_over_restarts_of_the_member_and_of_the_group() {
    paused(async {
        for is_registry in [false, true] {
            let trace = Knobs::every(100).trace();
            let group: Group<&str> = Group::new();
            let (path, around) = if is_registry {
                let added = group.add("acme", trace.alone::<Plain>()).await;
                added.unwrap();
                ("tenants/acme/probe", ["tenants/acme", "tenants", "outer"])
            } else {
                let added = group.add("acme", trace.probe::<Plain>()).await;
                added.unwrap();
                ("tenants/acme", ["tenants/acme", "tenants", "outer"])
            };
            let inner = registry! { "tenants" => group.clone() };
            let running = start(registry! { "outer" => inner });
            let (handle, path) = (running.handle(), format!("outer/{path}"));
            running.await_healthy().await.unwrap();
            sleep(millis(10)).await;
            handle.pause(&path).unwrap();
            for what in around {
                let what = match what {
                    "outer" => what.to_owned(),
                    inner => format!("outer/{inner}"),
                };
                restart(&running, &what).await;
                sleep(millis(500)).await;
                assert!(
                    handle.status(&path).unwrap().paused,
                    "{path} after a restart of {what}"
                );
                assert_eq!(trace.starts(), [0; 0]);
            }
            group.remove("acme").await.into_result().unwrap();
            let added = group.add("acme", trace.probe::<Plain>()).await;
            added.unwrap();
            assert!(
                !handle.status("outer/tenants/acme").unwrap().paused,
                "another one"
            );
            running.stop().await.into_result().unwrap();
        }
    });
}

#[test]
fn no_pause_and_no_resume_is_lost_whenever_the_registry_around_it_is_restarted() {
    let runtime = threads(2);
    let run = async {
        let trace = Knobs::every(3_600_000).trace();
        let batch = registry! { "batch" => trace.alone::<Plain>() };
        let running = start(registry! { "outer" => batch });
        running.await_healthy().await.unwrap();
        let handle = running.handle();
        let (is_over, path) = (Arc::new(AtomicBool::new(false)), "outer/batch/probe");
        let turns = thread::spawn({
            let (handle, is_over) = (handle.clone(), is_over.clone());
            move || {
                for is_pause in [true, false].into_iter().cycle() {
                    let turn = if is_pause {
                        Handle::pause
                    } else {
                        Handle::resume
                    };
                    turn(&handle, path).unwrap();
                    assert_eq!(handle.status(path).unwrap().paused, is_pause);
                    if is_over.load(Ordering::Relaxed) {
                        break;
                    }
                }
            }
        });
        for round in 0..2_000 {
            let what = ["outer", "outer/batch"][round % 2];
            handle.restart(what).await.unwrap();
        }
        is_over.store(true, Ordering::Relaxed);
        turns.join().unwrap();
        running.stop().await.into_result().unwrap();
    };
    runtime.block_on(async { timeout(secs(60), run).await.unwrap() });
}
