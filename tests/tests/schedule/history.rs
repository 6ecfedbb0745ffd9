//! The ticks of a schedule that have been, and those to come.

use std::time::{Duration, SystemTime};

use lifecycle::__private::{First, Missed, ScheduleKind};
use lifecycle::{Handle, ScheduleError, TickCause, TickOutcome, TickRun};
use lifecycle_tests::schedule::{Calm, Coalesce, Default, Interval};
use lifecycle_tests::{
    Knobs, Trace, fails, hangs, millis, nothing, panics, paused, secs, start, takes,
};

type Plain = (Interval, Coalesce, Default);

fn runs(handle: &Handle) -> Vec<TickRun> {
    handle.runs("probe").unwrap()
}

/// The next instants, in milliseconds.
fn upcoming(trace: &Trace, handle: &Handle, count: usize) -> Vec<u64> {
    let upcoming = handle.upcoming("probe", count).unwrap();
    let at = upcoming.iter().map(|next| trace.since_origin(next.at));
    at.map(|at| u64::try_from(at.as_millis()).unwrap())
        .collect()
}

#[test]
fn a_run_is_kept_with_its_number_its_cause_its_length_and_its_outcome() {
    paused(async {
        let does = [
            takes(millis(10)),
            takes(millis(20)).then(fails("no rows")),
            hangs(),
            panics("as scripted"),
        ];
        let before = SystemTime::now();
        let trace = Knobs::every(100).tick_timeout(50).does(does).trace();
        let running = start(trace.alone::<Calm<Plain>>());
        let handle = running.handle();
        trace.reach(130).await;
        handle.trigger("probe").await.unwrap_err();
        trace.reach(350).await;
        let seen = runs(&handle);
        let numbers: Vec<u64> = seen.iter().map(|run| run.number).collect();
        assert_eq!(numbers, [1, 2, 3, 4]);
        let causes = seen.iter().map(|run| run.cause.as_str());
        assert!(causes.eq(["schedule", "trigger", "schedule", "schedule"]));
        let took: Vec<Duration> = seen.iter().map(|run| run.took).collect();
        assert_eq!(took, [10, 20, 50, 0].map(millis));
        let errors: Vec<Option<&str>> = seen.iter().map(|run| run.outcome.error()).collect();
        let late = "the tick was dropped: it took longer than 50ms";
        let panic = "`tick` panicked: as scripted";
        assert_eq!(errors, [None, Some("no rows"), Some(late), Some(panic)]);
        assert_eq!(seen[0].outcome, TickOutcome::Succeeded);
        // No test clock is set, so the wall clock is the machine's. It may be read once a second only, and goes on as tokio's paused
        // clock does meanwhile.
        let now = SystemTime::now() + secs(1);
        assert!(
            seen.iter()
                .all(|run| before <= run.started && run.started <= now)
        );
        running.stop().await.into_result().unwrap();
    });
}

#[test]
fn the_last_32_are_kept_and_the_one_in_flight_is_none_of_them() {
    paused(async {
        let trace = Knobs::every(100).takes(&[1]).trace();
        let running = start(trace.alone::<Plain>());
        let handle = running.handle();
        for ticks in [0, 1, 31, 32, 33, 64, 65, 100] {
            trace.reach(ticks * 100 + 50).await;
            let numbers: Vec<u64> = runs(&handle).iter().map(|run| run.number).collect();
            let first = ticks.saturating_sub(32) + 1;
            assert_eq!(numbers, (first..=ticks).collect::<Vec<_>>());
        }
        trace.turn(|knobs| knobs.does = vec![hangs()]);
        trace.reach(10_150).await;
        let last = runs(&handle).last().unwrap().number;
        assert_eq!((last, runs(&handle).len()), (100, 32));
        let _ = running.stop().await;
        let seen = runs(&handle);
        let last = seen.last().unwrap();
        assert_eq!((last.number, seen.len()), (101, 32));
        assert_eq!(last.outcome, TickOutcome::Dropped);
        assert_eq!(
            last.took,
            millis(7550),
            "until three quarters of its time to stop"
        );
    });
}

#[test]
fn a_panic_that_is_the_failure_of_the_service_is_kept() {
    paused(async {
        let does = [takes(millis(5)).then(panics("as scripted"))];
        let trace = Knobs::every(100).does(does).trace();
        let running = start(trace.alone::<Plain>());
        let handle = running.handle();
        running.wait().await;
        let _ = running.stop().await;
        let seen = runs(&handle);
        assert_eq!(seen.len(), 1);
        assert_eq!(seen[0].outcome.error(), Some("`tick` panicked"));
        assert_eq!(
            (seen[0].took, seen[0].cause),
            (millis(5), TickCause::Schedule)
        );
    });
}

#[test]
fn the_next_instants_are_those_at_which_it_ticks() {
    paused(async {
        let trace = Knobs::every(100).takes(&[30]).trace();
        let running = start(trace.alone::<Plain>());
        let handle = running.handle();
        assert!(upcoming(&trace, &handle, 3).is_empty(), "it is not up");
        trace.reach(50).await;
        assert_eq!(upcoming(&trace, &handle, 3), [100, 200, 300]);
        assert!(upcoming(&trace, &handle, 0).is_empty());
        trace.reach(110).await;
        assert_eq!(upcoming(&trace, &handle, 2), [200, 300], "in flight");
        trace.reach(150).await;
        assert_eq!(upcoming(&trace, &handle, 2), [200, 300]);
        trace.turn(|knobs| knobs.every = millis(70));
        trace.reach(250).await;
        assert_eq!(
            upcoming(&trace, &handle, 3),
            [270, 340, 410],
            "a new interval"
        );
        handle.pause("probe").unwrap();
        assert!(upcoming(&trace, &handle, 3).is_empty(), "paused");
        handle.resume("probe").unwrap();
        trace.reach(251).await;
        assert_eq!(upcoming(&trace, &handle, 1), [270]);
        assert_eq!(upcoming(&trace, &handle, usize::MAX).len(), 1000);
        running.stop().await.into_result().unwrap();
        assert!(upcoming(&trace, &handle, 3).is_empty(), "it has stopped");
    });
}

#[test]
fn while_a_tick_is_in_flight_the_next_instants_lie_ahead() {
    paused(async {
        let trace = Knobs::every(100).takes(&[250, 0]).trace();
        let running = start(trace.alone::<Plain>());
        let handle = running.handle();
        trace.reach(310).await;
        assert_eq!(
            upcoming(&trace, &handle, 2),
            [400, 500],
            "it is due since 200"
        );
        trace.reach(450).await;
        trace.turn(|knobs| knobs.does = vec![takes(millis(20))]);
        let asked = {
            let handle = handle.clone();
            tokio::spawn(async move { handle.trigger("probe").await })
        };
        trace.reach(460).await;
        assert_eq!(
            upcoming(&trace, &handle, 2),
            [500, 600],
            "one on demand changes nothing"
        );
        asked.await.unwrap().unwrap();
        drop(running);
    });
}

#[test]
fn of_a_schedule_by_delay_the_next_instant_is_known() {
    paused(async {
        let trace = Knobs::every(100).takes(&[30]).trace();
        let running = start(trace.registry(ScheduleKind::Delay, Missed::Coalesce, First::Default));
        let handle = running.handle();
        trace.reach(50).await;
        assert_eq!(upcoming(&trace, &handle, 3), [100]);
        trace.reach(110).await;
        assert_eq!(upcoming(&trace, &handle, 3), [0; 0]);
        trace.reach(150).await;
        assert_eq!(upcoming(&trace, &handle, 3), [230]);
        drop(running);
    });
}

#[test]
fn a_schedule_tells_the_rule_that_it_follows_now() {
    for (kind, words) in [
        (ScheduleKind::Interval, ["every 1m30s", "every 2m", "never"]),
        (
            ScheduleKind::Delay,
            ["1m30s after each tick", "2m after each tick", "never"],
        ),
    ] {
        paused(async {
            let trace = Knobs::every(90_000).trace();
            let registry = trace.registry(kind, Missed::Coalesce, First::Default);
            let handle = registry.handle();
            assert_eq!(handle.schedule("probe").unwrap(), None, "it is not up");
            let running = start(registry);
            let rule = || handle.schedule("probe").unwrap().unwrap();
            trace.reach(1).await;
            assert_eq!((rule().kind, rule().period), (kind, Some(secs(90))));
            assert_eq!(rule().to_string(), words[0]);
            trace.turn(|knobs| knobs.every = secs(120));
            trace.reach(10 * 60_000).await;
            assert_eq!(rule().to_string(), words[1]);
            trace.turn(|knobs| knobs.every = secs(0));
            trace.reach(20 * 60_000).await;
            assert_eq!(
                rule().to_string(),
                words[1],
                "what can't be followed is no rule"
            );
            trace.turn(|knobs| knobs.every = Duration::MAX);
            trace.reach(30 * 60_000).await;
            assert_eq!(rule().to_string(), words[2]);
            running.stop().await.into_result().unwrap();
            assert_eq!(rule().to_string(), words[2], "it stays");
        });
    }
}

#[test]
fn an_endless_interval_has_no_next_instant() {
    paused(async {
        let mut knobs = Knobs::every(100);
        knobs.every = Duration::MAX;
        let trace = knobs.trace();
        let running = start(trace.alone::<Plain>());
        trace.reach(50).await;
        assert!(upcoming(&trace, &running.handle(), 3).is_empty());
        drop(running);
    });
}

#[test]
fn what_has_no_schedule_has_no_runs() {
    paused(async {
        let trace = Knobs::every(100).does([nothing()]).trace();
        let running = start(trace.alone::<Plain>());
        let handle = running.handle();
        let unknown = ScheduleError::Unknown("prob".to_owned());
        assert_eq!(handle.runs("prob").unwrap_err(), unknown);
        assert_eq!(handle.upcoming("prob", 1).unwrap_err(), unknown);
        drop(running);
    });
}
