//! What can be seen of the ticks from outside.

use lifecycle::__private::{First, Missed, ScheduleKind};
use lifecycle::{Handle, TickStatus};
use lifecycle_tests::schedule::{Coalesce, Default, Interval};
use lifecycle_tests::{Knobs, Trace, fails, hangs, millis, panics, paused, start, takes};

type Plain = (Interval, Coalesce, Default);

fn facts(handle: &Handle) -> TickStatus {
    handle.states()[0].ticks.clone().unwrap()
}

fn at(trace: &Trace, instant: Option<tokio::time::Instant>) -> Option<u128> {
    instant.map(|instant| trace.since_origin(instant).as_millis())
}

#[test]
fn before_the_first_tick_there_is_only_the_next() {
    paused(async {
        let trace = Knobs::every(100).startup(50).trace();
        let running = start(trace.alone::<Plain>());
        let handle = running.handle();
        trace.reach(20).await;
        assert_eq!(facts(&handle).next_due, None, "not before it runs");
        trace.reach(70).await;
        let facts = facts(&handle);
        assert_eq!(at(&trace, facts.next_due), Some(150));
        assert_eq!((facts.count, facts.failures), (0, 0));
        assert_eq!((facts.last_start, facts.last_end), (None, None));
        assert_eq!((facts.age(), facts.last_duration), (None, None));
        assert!(!facts.in_flight());
    });
}

#[test]
fn a_tick_in_flight_shows_and_so_does_how_the_last_one_ended() {
    paused(async {
        let trace = Knobs::every(100)
            .does([
                takes(millis(30)),
                takes(millis(40)).then(fails("no rows")),
                takes(millis(10)),
            ])
            .trace();
        let running = start(trace.alone::<Plain>());
        let handle = running.handle();

        trace.reach(110).await;
        let first = facts(&handle);
        assert!(first.in_flight());
        assert_eq!(at(&trace, first.last_start), Some(100));
        assert_eq!(
            (first.count, first.last_end, first.next_due),
            (0, None, None)
        );

        trace.reach(150).await;
        let first = facts(&handle);
        assert!(!first.in_flight());
        assert_eq!((first.count, first.failures), (1, 0));
        assert_eq!(at(&trace, first.last_end), Some(130));
        assert_eq!(at(&trace, first.next_due), Some(200));
        assert_eq!(first.last_duration, Some(millis(30)));
        assert_eq!(first.age(), Some(millis(20)));

        trace.reach(210).await;
        let second = facts(&handle);
        assert!(second.in_flight());
        assert_eq!(
            second.last_duration,
            Some(millis(30)),
            "of the one that has ended"
        );

        trace.reach(250).await;
        let second = facts(&handle);
        assert_eq!(
            (second.count, second.failures, second.consecutive_failures),
            (2, 1, 1)
        );
        assert_eq!(second.last_error.as_deref(), Some("no rows"));

        trace.reach(350).await;
        let third = facts(&handle);
        assert_eq!(
            (third.count, third.failures, third.consecutive_failures),
            (3, 1, 0)
        );
        assert_eq!(third.last_error.as_deref(), Some("no rows"), "kept");
    });
}

#[test]
fn a_late_tick_that_follows_at_once_is_in_flight() {
    paused(async {
        let trace = Knobs::every(100).takes(&[150, 30]).trace();
        let running = start(trace.alone::<Plain>());
        let handle = running.handle();
        trace.reach(260).await;
        assert_eq!(trace.starts(), [100, 250]);
        assert!(facts(&handle).in_flight());
        assert_eq!(facts(&handle).next_due, None);
    });
}

#[test]
fn the_next_tick_is_the_one_that_comes() {
    for (missed, due) in [(Missed::Skip, 300), (Missed::Delay, 350)] {
        paused(async {
            let trace = Knobs::every(100).takes(&[150, 1]).trace();
            let running = start(trace.registry(ScheduleKind::Interval, missed, First::Default));
            trace.reach(251).await;
            let facts = facts(&running.handle());
            assert_eq!(at(&trace, facts.next_due), Some(due));
        });
    }
}

#[test]
fn a_service_that_has_stopped_has_no_next_tick() {
    paused(async {
        let trace = Knobs::every(100).trace();
        let running = start(trace.alone::<Plain>());
        let handle = running.handle();
        trace.reach(250).await;
        let _ = running.stop().await;
        assert_eq!(facts(&handle).count, 2);
        assert_eq!(facts(&handle).next_due, None);
    });
}

#[test]
fn a_tick_that_panicked_or_was_dropped_is_not_in_flight() {
    for does in [panics("as scripted"), hangs()] {
        paused(async {
            let trace = Knobs::every(100).does([does.clone()]).trace();
            let running = start(trace.alone::<Plain>());
            let handle = running.handle();
            trace.reach(150).await;
            let _ = running.stop().await;
            assert_eq!(trace.starts(), [100]);
            assert!(!facts(&handle).in_flight(), "{does:?}");
        });
    }
}
