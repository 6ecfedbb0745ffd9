//! The days on which clocks are changed, against a table; and random expressions against a search
//! through every second of those days.

mod search;

use std::borrow::Cow;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Zoned};

use super::{CronValues, Field, Times};
use lifecycle_rules::cron::CronProblem;

fn times(cron: &str, tz: &str) -> Times {
    let values = CronValues {
        cron: Cow::Owned(cron.to_owned()),
        tz: Cow::Owned(tz.to_owned()),
    };
    let field = Field {
        cron: "cron",
        tz: "tz",
    };
    Times::new(values, field).unwrap()
}

/// The times from this one on, as the wall clock shows them, with the offset from UTC where it is
/// another than before.
fn shown(cron: &str, tz: &str, from: &str, count: usize) -> Vec<String> {
    let times = times(cron, tz);
    let zone = TimeZone::get(tz).unwrap();
    let from: Zoned = format!("{from}[{tz}]").parse().unwrap();
    let mut instant = from.timestamp() - SignedDuration::from_nanos(1);
    let mut offset = from.offset();
    let mut all = Vec::new();
    for _ in 0..count {
        instant = times.after(instant).unwrap();
        let shown = instant.to_zoned(zone.clone());
        let mut text = shown.strftime("%d %H:%M").to_string();
        if shown.offset() != offset {
            offset = shown.offset();
            text += &shown.strftime(" %:z").to_string();
        }
        all.push(text);
    }
    all
}

#[track_caller]
fn check(cron: &str, tz: &str, from: &str, expected: &[&str]) {
    let shown = shown(cron, tz, from, expected.len());
    assert_eq!(shown, expected, "{cron} in {tz}");
}

const BERLIN: &str = "Europe/Berlin";
const LORD_HOWE: &str = "Australia/Lord_Howe";
const APIA: &str = "Pacific/Apia";

#[test]
fn clocks_that_go_forward_by_an_hour() {
    // 02:00 to 03:00 is left out on the 29th.
    let eve = "2026-03-28T02:30";
    for (cron, expected) in [
        ("30 2 * * *", ["28 02:30", "29 03:00 +02:00", "30 02:30"]),
        ("0 2 * * *", ["29 03:00 +02:00", "30 02:00", "31 02:00"]),
        ("0 3 * * *", ["28 03:00", "29 03:00 +02:00", "30 03:00"]),
        // Two that fall into the same hour are one afterwards.
        (
            "15,45 2 29 * *",
            ["29 03:00 +02:00", "29 02:15", "29 02:45"],
        ),
        // A list of times is as many daily ones.
        ("0 2,14 * * *", ["28 14:00", "29 03:00 +02:00", "29 14:00"]),
    ] {
        check(cron, BERLIN, eve, &expected);
    }
    let before = "2026-03-29T01:30";
    for (cron, expected) in [
        // What is due again and again goes by the time that passes.
        ("*/15 * * * *", ["29 01:30", "29 01:45", "29 03:00 +02:00"]),
        ("0 * * * *", ["29 03:00 +02:00", "29 04:00", "29 05:00"]),
        ("*/30 2 * * *", ["30 02:00 +02:00", "30 02:30", "31 02:00"]),
        ("0 1-3 * * *", ["29 03:00 +02:00", "30 01:00", "30 02:00"]),
    ] {
        check(cron, BERLIN, before, &expected);
    }
}

#[test]
fn clocks_that_go_back_by_an_hour() {
    // 02:00 to 03:00 comes twice on the 25th.
    let eve = "2026-10-24T02:30";
    for (cron, expected) in [
        ("30 2 * * *", ["24 02:30", "25 02:30", "26 02:30 +01:00"]),
        ("0,30 2 * * *", ["24 02:30", "25 02:00", "25 02:30"]),
        ("0 3 * * *", ["24 03:00", "25 03:00 +01:00", "26 03:00"]),
    ] {
        check(cron, BERLIN, eve, &expected);
    }
    let before = "2026-10-25T02:00";
    for (cron, expected) in [
        (
            "*/30 * * * *",
            ["25 02:00", "25 02:30", "25 02:00 +01:00", "25 02:30"],
        ),
        (
            "0 * * * *",
            ["25 02:00", "25 02:00 +01:00", "25 03:00", "25 04:00"],
        ),
        (
            "*/30 2 * * *",
            ["25 02:00", "25 02:30", "25 02:00 +01:00", "25 02:30"],
        ),
        (
            "0,30 2 * * *",
            ["25 02:00", "25 02:30", "26 02:00 +01:00", "26 02:30"],
        ),
    ] {
        check(cron, BERLIN, before, &expected);
    }
}

#[test]
fn clocks_that_go_by_half_an_hour() {
    // 02:00 to 02:30 is left out on 4 October 2026.
    let before = "2026-10-04T01:30";
    for (cron, expected) in [
        ("0 * * * *", ["04 03:00 +11:00", "04 04:00", "04 05:00"]),
        ("*/15 * * * *", ["04 01:30", "04 01:45", "04 02:30 +11:00"]),
        ("15 2 * * *", ["04 02:30 +11:00", "05 02:15", "06 02:15"]),
        ("45 2 * * *", ["04 02:45 +11:00", "05 02:45", "06 02:45"]),
    ] {
        check(cron, LORD_HOWE, before, &expected);
    }
    // 01:30 to 02:00 comes twice on 5 April 2026.
    let before = "2026-04-05T01:30";
    for (cron, expected) in [
        (
            "*/15 * * * *",
            ["05 01:30", "05 01:45", "05 01:30 +10:30", "05 01:45"],
        ),
        (
            "45 1 * * *",
            ["05 01:45", "06 01:45 +10:30", "07 01:45", "08 01:45"],
        ),
    ] {
        check(cron, LORD_HOWE, before, &expected);
    }
}

#[test]
fn a_day_that_was_left_out() {
    // Samoa went from 29 to 31 December 2011: the 30th never was.
    let eve = "2011-12-29T12:00";
    for (cron, expected) in [
        ("30 2 * * *", ["31 02:30 +14:00", "01 02:30", "02 02:30"]),
        (
            "0 0 30 * *",
            ["30 00:00 +14:00", "30 00:00", "30 00:00 +13:00"],
        ),
        ("0 */6 * * *", ["29 12:00", "29 18:00", "31 00:00 +14:00"]),
        ("0 12 * * FRI", ["06 12:00 +14:00", "13 12:00", "20 12:00"]),
        // No month but that December has such a day.
        ("0 12 30 12 *", ["30 12:00 +14:00", "30 12:00", "30 12:00"]),
    ] {
        check(cron, APIA, eve, &expected);
    }
    // The search begins long before, and has other changes to pass.
    let shown = shown("0 12 30 12 *", APIA, "2009-12-31T12:00", 3);
    assert_eq!(shown, ["30 12:00 -10:00", "30 12:00 +14:00", "30 12:00"]);
}

#[test]
fn a_midnight_that_does_not_exist() {
    let daily = "0 0 * * *";
    let expected = ["24 01:00 +03:00", "25 00:00"];
    check(daily, "Africa/Cairo", "2026-04-23T12:00", &expected);
    let expected = ["29 01:00 +03:00", "30 00:00"];
    check(daily, "Asia/Beirut", "2026-03-28T12:00", &expected);
}

#[test]
fn days_and_weekdays() {
    for (cron, expected) in [
        // Either, where both are given: Vixie's rule.
        ("0 0 13 * FRI", ["01-02", "01-09", "01-13", "01-16"]),
        ("0 0 L * *", ["01-31", "02-28", "03-31", "04-30"]),
        ("0 0 LW * *", ["01-30", "02-27", "03-31", "04-30"]),
        ("0 0 15W * *", ["01-15", "02-16", "03-16", "04-15"]),
        ("0 0 * * FRI#2", ["01-09", "02-13", "03-13", "04-10"]),
        ("0 0 * * FRIL", ["01-30", "02-27", "03-27", "04-24"]),
        ("0 0 * * FRI-SUN", ["01-02", "01-03", "01-04", "01-09"]),
        ("0 0 * * 7", ["01-04", "01-11", "01-18", "01-25"]),
        ("0 0 29 2 *", ["02-29", "02-29", "02-29", "02-29"]),
        ("0 0 1 */3 *", ["01-01", "04-01", "07-01", "10-01"]),
        ("0 0 10-20/5 MAR *", ["03-10", "03-15", "03-20", "03-10"]),
        ("0 0 5,* * MON", ["01-05", "01-12", "01-19", "01-26"]),
    ] {
        let times = times(cron, "UTC");
        let mut instant: Timestamp = "2025-12-31T23:59:59Z".parse().unwrap();
        let dates: Vec<String> = std::iter::repeat_with(|| {
            instant = times.after(instant).unwrap();
            instant.strftime("%m-%d").to_string()
        })
        .take(4)
        .collect();
        assert_eq!(dates, expected, "{cron}");
    }
}

#[test]
fn a_time_is_a_whole_second() {
    let times = times("* * * * * *", "UTC");
    for (from, next) in [
        ("2026-01-01T00:00:00.5Z", "2026-01-01T00:00:01Z"),
        ("2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z"),
        ("1960-01-01T00:00:00.5Z", "1960-01-01T00:00:01Z"),
        ("1959-12-31T23:59:59.999999999Z", "1960-01-01T00:00:00Z"),
    ] {
        let from: Timestamp = from.parse().unwrap();
        assert_eq!(times.after(from).unwrap().to_string(), next);
    }
}

#[test]
fn where_the_calendar_ends_there_is_no_next() {
    assert_eq!(times("0 3 * * *", "UTC").after(Timestamp::MAX), None);
    assert_eq!(times("0 3 * * *", BERLIN).after(Timestamp::MAX), None);
}

#[test]
fn what_passes_our_rules_is_sound_to_the_engine() {
    let fields: [&[&str]; 6] = [
        &["*", "0", "59", "*/59", "0-59/59", "7-7"],
        &["*", "0", "59", "*/1", "5-59/15", "0-0"],
        &["*", "0", "23", "*/23", "9-17", "22-23/1"],
        &["*", "1", "31", "*/30", "1-31/30", "L", "LW", "1W", "31W"],
        &["*", "1", "dec", "*/11", "jan-DEC", "2-2"],
        &[
            "*", "0", "7", "*/7", "SAT-SUN", "sun-sat", "FRI#5", "7#1", "0#1", "SUNL", "7L",
        ],
    ];
    let from: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    let mut rng = fastrand::Rng::with_seed(1);
    for _ in 0..3000 {
        let mut any = |items: &[&'static str]| items[rng.usize(0..items.len())];
        let lists = fields.map(|items| format!("{},{}", any(items), any(items)));
        let cron = lists.join(" ");
        match lifecycle_rules::cron::parse(&cron) {
            Ok(_) => {}
            Err(CronProblem::NeverBoth) => continue,
            Err(problem) => panic!("{}", problem.sentence(&cron)),
        }
        assert!(times(&cron, "UTC").after(from).is_some(), "{cron}");
    }
}

#[test]
fn a_day_field_that_begins_with_a_star_does_not_widen_the_other() {
    // The 1st of January 2025 is a Wednesday.
    let new_year = "2025-01-01T00:00";
    for (cron, expected) in [
        ("0 0 */2 * 1", ["13", "27", "03", "17"]),
        ("0 0 */2 * MON,TUE", ["07", "13", "21", "27"]),
        ("0 0 */2,10 * 1", ["13", "27", "03", "10"]),
        ("0 0 *,15 * 1", ["06", "13", "20", "27"]),
        ("0 0 15,* * 1", ["06", "13", "20", "27"]),
        ("0 0 * * 1", ["06", "13", "20", "27"]),
        ("0 0 */1 * 1", ["06", "13", "20", "27"]),
        ("0 0 15 * */3", ["15", "15", "15", "15"]),
        ("0 0 1-7 * */7", ["05", "02", "02", "06"]),
        ("0 0 L * */2", ["31", "31", "31", "30"]),
        ("0 0 */10 * MON#1", ["01", "01", "01", "01"]),
    ] {
        let expected = expected.map(|day| format!("{day} 00:00"));
        assert_eq!(shown(cron, "UTC", new_year, 4), expected, "{cron}");
    }
}

#[test]
fn where_neither_day_field_begins_with_a_star_one_of_them_is_enough() {
    let new_year = "2025-01-01T00:00";
    for (cron, expected) in [
        ("0 0 15 * MON", ["06", "13", "15", "20"]),
        ("0 0 1-31/2 * 1", ["01", "03", "05", "06"]),
        ("0 0 L,15W * *", ["15", "31", "14", "28"]),
        ("0 0 LW,L,2W * *", ["02", "31", "03", "28"]),
        ("0 0 L,20W * 5#1", ["03", "20", "31", "07"]),
    ] {
        let expected = expected.map(|day| format!("{day} 00:00"));
        assert_eq!(shown(cron, "UTC", new_year, 4), expected, "{cron}");
    }
}

#[test]
fn a_date_that_is_rare_is_found_and_one_that_never_is_was_refused() {
    let leap = times("0 0 29 2 */6", "UTC");
    let from: Timestamp = "2025-01-01T00:00:00Z".parse().unwrap();
    let found = leap.after(from).unwrap().to_string();
    assert_eq!(found, "2032-02-29T00:00:00Z", "a Sunday");
}

#[test]
fn a_list_of_as_many_times_as_there_may_be_is_no_burden() {
    let all = times(
        "0,15,30,45 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23 L,15W * *",
        "UTC",
    );
    assert!(all.crons.len() <= 200);
}
