//! Ticks on demand.

use std::time::Duration;

use lifecycle::__private::{First, Missed, ScheduleKind};
use lifecycle::{Handle, OnFailure, Registry, TriggerError};
use lifecycle_tests::schedule::{Coalesce, Default, Interval};
use lifecycle_tests::{
    Journal, Knobs, Trace, fails, hangs, millis, panics, paused, secs, start, takes, until_stopped,
};
use tokio::time::timeout;

type Plain = (Interval, Coalesce, Default);

/// Asks for a tick, and says how that ended at which millisecond.
async fn ask(handle: Handle, trace: Trace) -> (u64, String) {
    let answer = timeout(secs(3600), handle.trigger("probe")).await;
    let answer = match answer {
        Ok(Ok(())) => "done".to_owned(),
        Ok(Err(error)) => error.to_string(),
        Err(_) => "no answer".to_owned(),
    };
    (trace.now(), answer)
}

/// Asks at this millisecond, and does not wait for the answer.
async fn ask_at(at: u64, handle: &Handle, trace: &Trace) -> tokio::task::JoinHandle<(u64, String)> {
    trace.reach(at).await;
    tokio::spawn(ask(handle.clone(), trace.clone()))
}

#[test]
fn a_tick_that_is_asked_for_runs_at_once_and_the_schedule_goes_on() {
    for missed in [Missed::Coalesce, Missed::Skip, Missed::Burst, Missed::Delay] {
        paused(async {
            let trace = Knobs::every(100).takes(&[5]).trace();
            let running = start(trace.registry(ScheduleKind::Interval, missed, First::Default));
            let handle = running.handle();
            for (at, answered) in [(30, 35), (130, 135), (140, 145)] {
                let asked = ask_at(at, &handle, &trace).await;
                assert_eq!(asked.await.unwrap(), (answered, "done".to_owned()));
            }
            trace.reach(350).await;
            assert_eq!(trace.starts(), [30, 100, 130, 140, 200, 300], "{missed:?}");
            assert_eq!(trace.faults(), [""; 0]);
        });
    }
}

#[test]
fn a_point_that_a_tick_on_demand_overran_is_missed_as_any_other() {
    for (missed, rest) in [
        (Missed::Coalesce, [220, 300, 400]),
        (Missed::Skip, [300, 400, 500]),
        (Missed::Burst, [220, 300, 400]),
        (Missed::Delay, [320, 420, 520]),
    ] {
        paused(async {
            let trace = Knobs::every(100).takes(&[1, 70, 1, 1, 1]).trace();
            let running = start(trace.registry(ScheduleKind::Interval, missed, First::Default));
            drop(ask_at(150, &running.handle(), &trace).await);
            trace.reach_ticks(5).await;
            assert_eq!(trace.starts()[..2], [100, 150]);
            assert_eq!(trace.starts()[2..], rest, "{missed:?}");
        });
    }
}

#[test]
fn a_tick_on_demand_that_ends_on_a_point_is_followed_by_its_tick() {
    for missed in [Missed::Coalesce, Missed::Skip, Missed::Burst, Missed::Delay] {
        paused(async {
            let trace = Knobs::every(100).takes(&[1, 50, 1]).trace();
            let running = start(trace.registry(ScheduleKind::Interval, missed, First::Default));
            drop(ask_at(150, &running.handle(), &trace).await);
            trace.reach(350).await;
            assert_eq!(trace.starts(), [100, 150, 200, 300], "{missed:?}");
        });
    }
}

#[test]
fn a_grid_that_an_overrun_has_moved_stays_where_it_is() {
    paused(async {
        let trace = Knobs::every(100).takes(&[150, 5, 5, 5]).trace();
        let running = start(trace.registry(ScheduleKind::Interval, Missed::Delay, First::Default));
        drop(ask_at(260, &running.handle(), &trace).await);
        trace.reach_ticks(4).await;
        assert_eq!(trace.starts(), [100, 260, 350, 450], "moved to 250 + 100");
    });
}

#[test]
fn after_a_tick_on_demand_a_delay_is_counted_from_its_end() {
    paused(async {
        let trace = Knobs::every(100).takes(&[5]).trace();
        let running = start(trace.registry(ScheduleKind::Delay, Missed::Coalesce, First::Default));
        drop(ask_at(160, &running.handle(), &trace).await);
        trace.reach_ticks(4).await;
        assert_eq!(trace.starts(), [100, 160, 265, 370]);
    });
}

#[test]
fn whoever_asks_while_one_is_in_flight_shares_the_next() {
    paused(async {
        let trace = Knobs::every(1000).takes(&[50]).trace();
        let running = start(trace.alone::<Plain>());
        let handle = running.handle();
        let first = ask_at(10, &handle, &trace).await;
        let mut late = Vec::new();
        for at in [11, 30, 59] {
            late.push(ask_at(at, &handle, &trace).await);
        }
        assert_eq!(first.await.unwrap().0, 60);
        for asked in late {
            assert_eq!(asked.await.unwrap(), (110, "done".to_owned()));
        }
        trace.reach(900).await;
        assert_eq!(trace.starts(), [10, 60]);
        assert_eq!(trace.faults(), [""; 0]);
    });
}

#[test]
fn a_tick_that_is_due_serves_those_who_ask() {
    paused(async {
        let trace = Knobs::every(100).takes(&[150, 10]).trace();
        let running = start(trace.alone::<Plain>());
        let asked = ask_at(120, &running.handle(), &trace).await;
        assert_eq!(asked.await.unwrap().0, 260, "the late one at 250");
        trace.reach(290).await;
        assert_eq!(trace.starts(), [100, 250]);
    });
}

#[test]
fn a_tick_that_was_asked_for_runs_though_nobody_waits() {
    paused(async {
        let trace = Knobs::every(1000).takes(&[50]).trace();
        let running = start(trace.alone::<Plain>());
        let handle = running.handle();
        let first = ask_at(10, &handle, &trace).await;
        let second = ask_at(20, &handle, &trace).await;
        trace.reach(25).await;
        first.abort();
        second.abort();
        trace.reach(900).await;
        assert_eq!(trace.starts(), [10, 60]);
    });
}

#[test]
fn a_service_that_never_ticks_by_itself_ticks_on_demand() {
    paused(async {
        let mut knobs = Knobs::every(1).takes(&[5]);
        knobs.every = Duration::MAX;
        let trace = knobs.trace();
        let running = start(trace.alone::<Plain>());
        let handle = running.handle();
        for at in [1000, 2000] {
            let asked = ask_at(at, &handle, &trace).await;
            assert_eq!(asked.await.unwrap(), (at + 5, "done".to_owned()));
        }
        trace.reach(1_000_000).await;
        assert_eq!(trace.starts(), [1000, 2000]);
    });
}

#[test]
fn one_asked_for_before_the_service_runs_waits_for_that() {
    paused(async {
        let trace = Knobs::every(100).takes(&[5]).startup(70).trace();
        let running = start(trace.alone::<Plain>());
        let asked = ask_at(10, &running.handle(), &trace).await;
        assert_eq!(asked.await.unwrap(), (75, "done".to_owned()));
    });
}

#[test]
fn it_reports_how_the_tick_failed() {
    paused(async {
        let knobs = Knobs::every(1000).does([takes(millis(5)).then(fails("no rows")), hangs()]);
        let trace = knobs.tick_timeout(100).trace();
        let running = start(trace.alone::<Plain>());
        let handle = running.handle();
        running.await_healthy().await.unwrap();
        let error = handle.trigger("probe").await.unwrap_err();
        assert!(matches!(&error, TriggerError::Failed(why) if &**why == "no rows"));
        let error = handle.trigger("probe").await.unwrap_err();
        assert!(error.to_string().contains("100ms"), "{error}");
        assert_eq!(trace.now(), 105);
    });
}

#[test]
fn it_names_a_service_that_is_unknown_or_not_scheduled() {
    paused(async {
        let journal = Journal::new();
        let running = start(lifecycle::registry! {
            "store" => journal.script().idle(),
        });
        running.await_healthy().await.unwrap();
        let handle = running.handle();
        let error = handle.trigger("stor").await.unwrap_err();
        assert!(matches!(&error, TriggerError::Unknown(name) if name == "stor"));
        let error = handle.trigger("store").await.unwrap_err();
        assert!(matches!(&error, TriggerError::NotScheduled(name) if *name == "store"));
    });
}

#[test]
fn nobody_waits_for_a_service_that_has_stopped() {
    paused(async {
        let trace = Knobs::every(1000).takes(&[50]).trace();
        let running = start(trace.alone::<Plain>());
        let handle = running.handle();
        let in_flight = ask_at(10, &handle, &trace).await;
        let waiting = ask_at(20, &handle, &trace).await;
        trace.reach(30).await;
        let _ = running.stop().await;
        assert_eq!(in_flight.await.unwrap(), (60, "done".to_owned()));
        assert_eq!(waiting.await.unwrap().1, "the service has stopped");
        let after = handle.trigger("probe").await;
        assert!(matches!(after, Err(TriggerError::Stopped)));
        assert_eq!(trace.starts(), [10]);
    });
}

#[test]
fn nobody_waits_for_the_drain() {
    paused(async {
        let journal = Journal::new();
        let script = journal.script().tick(takes(millis(50)));
        let service = script.drain(takes(secs(5))).scheduled(secs(1000));
        let trace = Knobs::every(1).trace();
        let running = start(lifecycle::registry! { "probe" => service });
        let handle = running.handle();
        drop(ask_at(10, &handle, &trace).await);
        let waiting = ask_at(20, &handle, &trace).await;
        trace.reach(30).await;
        let stop = tokio::spawn(running.stop());
        let told = (60, "the service has stopped".to_owned());
        assert_eq!(waiting.await.unwrap(), told, "when the loop has ended");
        stop.await.unwrap().into_result().unwrap();
        assert_eq!(trace.now(), 5060);
    });
}

#[test]
fn nobody_waits_for_a_tick_that_panics_or_is_dropped() {
    for does in [panics("as scripted"), hangs()] {
        paused(async {
            let trace = Knobs::every(1000).does([does]).trace();
            let running = start(trace.alone::<Plain>());
            let handle = running.handle();
            let in_flight = ask_at(10, &handle, &trace).await;
            trace.reach(20).await;
            let _ = running.stop().await;
            assert_eq!(in_flight.await.unwrap().1, "the service has stopped");
        });
    }
}

/// A registry whose `probe` never runs, for three reasons.
fn never_runs(trace: &Trace, journal: &Journal, because: &str) -> Registry {
    let store = match because {
        "its dependency fails" => journal
            .script()
            .startup(takes(millis(50)).then(fails("no"))),
        _ => journal.script().startup(until_stopped()),
    };
    let builder = Registry::builder()
        .service("store", store.idle())
        .on_failure(OnFailure::Ignore)
        .service("probe", trace.probe::<Plain>())
        .on_failure(OnFailure::Ignore);
    let builder = match because {
        "its startup is dropped" => builder,
        _ => builder.after(["store"]),
    };
    builder.build().unwrap()
}

async fn is_answered(because: &str) {
    let startup = if because == "its startup is dropped" {
        9_999_999
    } else {
        0
    };
    let trace = Knobs::every(1000).startup(startup).trace();
    let running = start(never_runs(&trace, &Journal::new(), because));
    let asked = ask_at(10, &running.handle(), &trace).await;
    trace.reach(100).await;
    let handle = running.handle();
    let _ = running.stop().await;
    assert_eq!(
        asked.await.unwrap().1,
        "the service has stopped",
        "{because}"
    );
    let after = ask(handle, trace).await.1;
    assert_eq!(after, "the service has stopped", "{because}");
}

#[test]
fn nobody_waits_for_a_service_whose_dependency_failed() {
    paused(is_answered("its dependency fails"));
}

#[test]
fn nobody_waits_for_a_service_that_was_stopped_before_it_started() {
    paused(is_answered("its dependency is never up"));
}

#[test]
fn nobody_waits_for_a_service_whose_startup_was_dropped() {
    paused(is_answered("its startup is dropped"));
}
