//! What a tick is told of itself.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use lifecycle::__private::{First, Missed, ScheduleKind};
use lifecycle::{Context, Result, Scheduled, Tick, TickCause, registry, service};
use lifecycle_tests::schedule::{Coalesce, Default, Immediate, Interval};
use lifecycle_tests::{Knobs, Trace, hangs, millis, paused, secs, start, takes};

type Plain = (Interval, Coalesce, Default);

/// When each tick was due, and what else it stands for.
fn told(trace: &Trace) -> Vec<(u64, u64)> {
    let at = |tick: &Tick| trace.since_origin(tick.due).as_millis();
    let told = trace.told();
    told.iter()
        .map(|tick| (u64::try_from(at(tick)).unwrap(), tick.missed))
        .collect()
}

#[test]
fn a_tick_in_time_is_told_its_point_its_number_and_why_it_began() {
    paused(async {
        let trace = Knobs::every(100).takes(&[30]).trace();
        let running = start(trace.alone::<Plain>());
        trace.reach_ticks(3).await;
        drop(running);
        assert_eq!(told(&trace), [(100, 0), (200, 0), (300, 0)]);
        for (tick, number) in trace.told().iter().zip(1..) {
            assert_eq!((tick.number, tick.cause), (number, TickCause::Schedule));
            assert_eq!(tick.due_time, None, "an interval knows no time of day");
        }
    });
}

#[test]
fn a_late_tick_is_told_the_last_point_and_how_many_before_it_have_none() {
    let (interval, delay) = (ScheduleKind::Interval, ScheduleKind::Delay);
    for (kind, missed, expected) in [
        (interval, Missed::Coalesce, [(100, 0), (400, 2), (500, 0)]),
        (interval, Missed::Skip, [(100, 0), (500, 0), (600, 0)]),
        (interval, Missed::Burst, [(100, 0), (200, 0), (300, 0)]),
        (interval, Missed::Delay, [(100, 0), (550, 0), (650, 0)]),
        (delay, Missed::Coalesce, [(100, 0), (550, 0), (650, 0)]),
    ] {
        paused(async {
            let trace = Knobs::every(100).takes(&[350, 0, 0]).trace();
            let running = start(trace.registry(kind, missed, First::Default));
            trace.reach_ticks(3).await;
            drop(running);
            assert_eq!(told(&trace)[..3], expected, "{kind:?} {missed:?}");
        });
    }
}

#[test]
fn points_that_the_clock_has_jumped_over_are_counted_too() {
    paused(async {
        let trace = Knobs::every(100).trace();
        let running = start(trace.alone::<Plain>());
        running.await_healthy().await.unwrap();
        tokio::time::advance(millis(350)).await;
        trace.reach_ticks(2).await;
        drop(running);
        assert_eq!(told(&trace), [(300, 2), (400, 0)]);
    });
}

#[test]
fn points_of_an_interval_that_is_no_more_are_not_counted() {
    paused(async {
        let trace = Knobs::every(100).takes(&[450, 0]).trace();
        let running = start(trace.alone::<Plain>());
        trace.reach(200).await;
        trace.turn(|knobs| knobs.every = millis(70));
        trace.reach_ticks(2).await;
        drop(running);
        assert_eq!(told(&trace), [(100, 0), (620, 0)]);
    });
}

#[test]
fn with_jitter_whole_intervals_are_counted() {
    paused(async {
        let trace = Knobs::every(100).jitter(10).takes(&[350, 0]).trace();
        let running = start(trace.registry(
            ScheduleKind::Interval,
            Missed::Coalesce,
            First::AfterInterval,
        ));
        trace.reach_ticks(2).await;
        drop(running);
        assert_eq!(told(&trace)[1].1, 2);
    });
}

#[test]
fn a_tick_that_is_asked_for_stands_for_no_point_and_counts_on() {
    paused(async {
        let trace = Knobs::every(100).takes(&[10]).trace();
        let running = start(trace.alone::<Plain>());
        trace.reach(150).await;
        running.handle().trigger("probe").await.unwrap();
        trace.reach_ticks(3).await;
        drop(running);
        assert_eq!(told(&trace), [(100, 0), (150, 0), (200, 0)]);
        let told = trace.told();
        let causes = told.iter().map(|tick| tick.cause.as_str());
        assert!(causes.eq(["schedule", "trigger", "schedule"]));
        assert!(told.iter().map(|tick| tick.number).eq(1..=3));
    });
}

#[test]
fn the_keys_of_ticks_without_a_time_are_all_different() {
    paused(async {
        let trace = Knobs::every(1).trace();
        let running = start(trace.alone::<(Interval, Coalesce, Immediate)>());
        for _ in 0..50 {
            running.handle().trigger("probe").await.unwrap();
        }
        trace.reach_ticks(100).await;
        drop(running);
        let keys: HashSet<String> = trace.told().iter().map(Tick::key).collect();
        assert_eq!(keys.len(), trace.told().len());
        let first = trace.told()[0].key();
        assert!(
            first.starts_with("probe/2") && first.ends_with("Z#1"),
            "{first}"
        );
    });
}

/// Keeps its context beyond its tick, and asks it everywhere.
#[service(scheduled(interval = "1s", tick_timeout = "500ms"))]
struct Asks {
    contexts: Arc<Mutex<Vec<Context>>>,
    seen: Arc<Mutex<Vec<Option<u64>>>>,
    hook: lifecycle_tests::Hook,
}

impl Asks {
    fn see(&self, cx: &Context) {
        let number = cx.tick().map(|tick| tick.number);
        self.seen.lock().unwrap().push(number);
        self.contexts.lock().unwrap().push(cx.clone());
    }
}

impl Scheduled for Asks {
    async fn startup(&self, cx: &Context) -> Result {
        self.see(cx);
        Ok(())
    }

    async fn tick(&self, cx: &Context) -> Result {
        let journal = lifecycle_tests::Journal::new();
        self.see(cx);
        let result = self.hook.perform("tick", cx, &journal).await;
        self.see(cx);
        result
    }

    async fn drain(&self, cx: &Context) -> Result {
        self.see(cx);
        Ok(())
    }
}

#[test]
fn outside_a_tick_there_is_none() {
    for (hook, expected) in [
        (takes(millis(10)), vec![None, Some(1), Some(1), None]),
        (hangs(), vec![None, Some(1), None]),
    ] {
        paused(async {
            let (contexts, seen) = (Arc::default(), Arc::default());
            let service = Asks {
                contexts: Arc::clone(&contexts),
                seen: Arc::clone(&seen),
                hook,
            };
            let running = start(registry! { "asks" => service });
            tokio::time::sleep(millis(1005)).await;
            let during: Vec<Context> = contexts.lock().unwrap().clone();
            assert!(
                during
                    .iter()
                    .all(|cx| cx.tick().is_some_and(|tick| tick.number == 1))
            );
            tokio::time::sleep(millis(900)).await;
            assert!(during.iter().all(|cx| cx.tick().is_none()), "it has ended");
            running.stop().await.into_result().unwrap();
            assert_eq!(*seen.lock().unwrap(), expected);
            assert!(during.iter().all(|cx| cx.tick().is_none()));
        });
    }
}

#[test]
fn a_tick_that_is_dropped_at_the_stop_is_over() {
    paused(async {
        let trace = Knobs::every(100).does([hangs()]).trace();
        let running = start(trace.alone::<Plain>());
        trace.reach(secs(1).as_millis().try_into().unwrap()).await;
        let handle = running.handle();
        let _ = running.stop().await;
        assert!(!handle.states()[0].ticks.clone().unwrap().in_flight());
        assert_eq!(trace.told().len(), 1);
    });
}
