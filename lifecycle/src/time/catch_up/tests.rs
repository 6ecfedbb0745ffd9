use super::*;

const HOUR: Duration = Duration::from_secs(3600);

fn hour(hours: u32) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_790_000_000) + HOUR * hours
}

fn hourly(window: u32) -> Values {
    Values {
        points: Points::Every(HOUR),
        window: HOUR * window,
        jitter: Duration::ZERO,
        tick_timeout: None,
    }
}

fn standing(window: u32, is_burst: bool, ended: bool) -> CatchUp {
    CatchUp::new(hourly(window), is_burst, Point::new(hour(0), 1), ended)
}

fn tick(hours: u32, attempt: u32, missed: u64) -> Next {
    let point = Point::new(hour(hours), attempt);
    Next::Tick { point, missed }
}

fn too_old(count: u64, window: u32) -> Skipped {
    let why = WhySkipped::TooOld(HOUR * window);
    Skipped { count, why }
}

const HALF: Duration = Duration::from_secs(1800);

#[test]
fn an_interval_counts_from_the_last_point() {
    let mut schedule = standing(12, false, true);
    assert_eq!(schedule.next(hour(0) + HALF), (None, Next::At(hour(1))));
    assert_eq!(schedule.next(hour(1)), (None, tick(1, 1, 0)));
    schedule.begin(Point::new(hour(1), 1));
    assert_eq!(schedule.next(hour(1) + HALF), (None, Next::At(hour(2))));
}

#[test]
fn one_tick_stands_for_all_that_was_missed() {
    let mut schedule = standing(12, false, true);
    assert_eq!(schedule.next(hour(5) + HALF), (None, tick(5, 1, 4)));
    let mut schedule = standing(12, false, false);
    assert_eq!(schedule.next(hour(5) + HALF), (None, tick(5, 1, 5)));
}

#[test]
fn a_point_that_was_not_ended_is_tried_again() {
    let mut schedule = standing(12, false, false);
    assert_eq!(schedule.next(hour(0) + HALF), (None, tick(0, 2, 0)));
    schedule.begin(Point::new(hour(0), 2));
    assert_eq!(schedule.next(hour(0) + HALF), (None, Next::At(hour(1))));
}

#[test]
fn what_is_older_than_the_window_is_skipped_and_told_once() {
    let mut schedule = standing(2, false, false);
    assert_eq!(
        schedule.next(hour(5) + HALF),
        (Some(too_old(4, 2)), tick(5, 1, 1))
    );
    let mut schedule = standing(2, false, true);
    // A point at the very edge is within the window.
    assert_eq!(schedule.next(hour(5)), (Some(too_old(2, 2)), tick(5, 1, 2)));
    let mut none = CatchUp::new(
        Values {
            window: HALF / 2,
            ..hourly(1)
        },
        false,
        Point::new(hour(0), 1),
        true,
    );
    let (skipped, next) = none.next(hour(3) + HALF);
    assert_eq!(
        (skipped.map(|skipped| skipped.count), next),
        (Some(3), Next::At(hour(4)))
    );
    assert_eq!(none.next(hour(3) + HALF), (None, Next::At(hour(4))));
}

#[test]
fn under_burst_each_has_its_tick_the_oldest_first() {
    let mut schedule = standing(12, true, false);
    let mut ticks = Vec::new();
    while let (None, Next::Tick { point, missed: 0 }) = schedule.next(hour(3) + HALF) {
        ticks.push(point);
        schedule.begin(point);
    }
    let expected = [(0, 2), (1, 1), (2, 1), (3, 1)];
    assert_eq!(
        ticks,
        expected.map(|(hours, attempt)| Point::new(hour(hours), attempt))
    );
}

#[test]
fn under_burst_there_are_a_hundred_at_most_and_the_newest() {
    let mut schedule = standing(1000, true, true);
    let (skipped, next) = schedule.next(hour(250));
    let why = WhySkipped::TooMany;
    assert_eq!(skipped, Some(Skipped { count: 150, why }));
    assert_eq!(next, tick(151, 1, 0));
    let mut count = 0;
    while let (_, Next::Tick { point, .. }) = schedule.next(hour(250)) {
        schedule.begin(point);
        count += 1;
    }
    assert_eq!(count, MAX_BURST);
}

#[test]
fn a_delay_counts_from_the_end_and_misses_nothing() {
    let values = Values {
        points: Points::AfterEnd(HOUR),
        ..hourly(2)
    };
    let mut schedule = CatchUp::new(values, false, Point::new(hour(0), 1), true);
    assert_eq!(schedule.next(hour(1)), (None, tick(1, 1, 0)));
    schedule.begin(Point::new(hour(1), 1));
    schedule.end(hour(1) + HALF);
    assert_eq!(schedule.next(hour(2)), (None, Next::At(hour(2) + HALF)));
    // The point of one that is older than the window is now.
    assert_eq!(schedule.next(hour(9)), (None, tick(9, 1, 0)));
}

#[test]
fn a_new_period_counts_from_the_last_point_if_its_next_lies_ahead() {
    let mut schedule = standing(12, false, true);
    let with = |points| Values {
        points,
        ..hourly(12)
    };
    schedule.change(with(Points::Every(2 * HOUR)), hour(1));
    assert_eq!(schedule.next(hour(1)), (None, Next::At(hour(2))));
    schedule.change(with(Points::Every(HALF)), hour(1));
    assert_eq!(schedule.next(hour(1)), (None, Next::At(hour(1) + HALF)));
}

#[test]
fn a_point_that_another_has_begun_is_not_ours() {
    let mut schedule = standing(12, false, true);
    schedule.learn(hour(2));
    assert_eq!(schedule.next(hour(2) + HALF), (None, Next::At(hour(3))));
    assert_eq!(schedule.ahead(hour(1)), HOUR);
    // Set back, the clock makes nothing due again.
    assert_eq!(schedule.next(hour(1)), (None, Next::At(hour(3))));
}

#[test]
fn an_endless_period_never_ticks() {
    let values = Values {
        points: Points::Every(Duration::MAX),
        ..hourly(12)
    };
    let mut schedule = CatchUp::new(values, false, Point::new(hour(0), 1), true);
    assert_eq!(schedule.next(hour(90_000)), (None, Next::Never));
}

#[cfg(feature = "cron")]
mod by_cron {
    use super::*;
    use crate::time::{CronValues, Field};

    fn times(cron: &'static str) -> Points {
        let values = CronValues {
            cron: cron.into(),
            tz: "UTC".into(),
        };
        let field = Field {
            cron: "cron",
            tz: "UTC",
        };
        Points::Times(Arc::new(Times::new(values, field).unwrap()))
    }

    /// Minutes after an hour of the clock.
    fn at(minutes: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_789_999_200 + minutes * 60)
    }

    fn schedule(cron: &'static str, window: u32, is_burst: bool) -> CatchUp {
        let values = Values {
            points: times(cron),
            ..hourly(window)
        };
        CatchUp::new(values, is_burst, Point::new(at(0), 1), true)
    }

    #[test]
    fn one_tick_stands_for_the_times_that_have_passed() {
        let mut hourly = schedule("0 * * * *", 12, false);
        assert_eq!(hourly.next(at(59)), (None, Next::At(at(60))));
        let point = Point::new(at(240), 1);
        assert_eq!(
            hourly.next(at(270)),
            (None, Next::Tick { point, missed: 3 })
        );
    }

    #[test]
    fn times_before_the_window_are_skipped() {
        let mut hourly = schedule("0 * * * *", 2, false);
        let point = Point::new(at(600), 1);
        let tick = Next::Tick { point, missed: 2 };
        assert_eq!(hourly.next(at(600)), (Some(too_old(7, 2)), tick));
        assert_eq!(hourly.next(at(600)), (None, tick));
    }

    #[test]
    fn under_burst_the_newest_hundred_have_their_ticks() {
        let mut each_minute = schedule("* * * * *", 48, true);
        let mut ticks = Vec::new();
        let mut skipped = Vec::new();
        loop {
            let (left_out, next) = each_minute.next(at(500));
            skipped.extend(left_out);
            let Next::Tick { point, .. } = next else {
                break;
            };
            ticks.push(point.at);
            each_minute.begin(point);
        }
        let expected: Vec<SystemTime> = (401..=500).map(at).collect();
        assert_eq!(ticks, expected);
        let why = WhySkipped::TooMany;
        assert_eq!(skipped, [Skipped { count: 400, why }]);
    }
}
