//! An oracle that shares nothing with the engine: every time of the wall clock is held against
//! the expression, and the rules for clock changes are applied as they are written down.

use fastrand::Rng;
use jiff::civil::{DateTime, Weekday};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp};

use super::{APIA, BERLIN, LORD_HOWE, times};
use lifecycle_rules::cron::{FieldItem, Fields, parse};

/// No expression here names a second that is no multiple of this.
const STEP: i64 = 20;

fn holds(items: &[FieldItem], least: u8, value: u8) -> bool {
    items.iter().any(|item| match *item {
        FieldItem::Every { step } => (value - least) % step == 0,
        FieldItem::Value(number) => value == number,
        FieldItem::Range { from, to, step } => {
            (from..=to).contains(&value) && (value - from) % step == 0
        }
        _ => panic!("not in these expressions"),
    })
}

fn matches(fields: &Fields, civil: DateTime) -> bool {
    let [seconds, minutes, hours, days, months, weekdays] = &fields.0;
    let value = i8::unsigned_abs;
    let is_star = |items: &[FieldItem]| matches!(items[0], FieldItem::Every { .. });
    let weekday = value(civil.weekday().since(Weekday::Sunday));
    let on_weekday = holds(weekdays, 0, weekday) || weekday == 0 && holds(weekdays, 0, 7);
    let on_day = match (is_star(days), is_star(weekdays)) {
        (false, false) => holds(days, 1, value(civil.day())) || on_weekday,
        _ => holds(days, 1, value(civil.day())) && on_weekday,
    };
    on_day
        && holds(months, 1, value(civil.month()))
        && holds(hours, 0, value(civil.hour()))
        && holds(minutes, 0, value(civil.minute()))
        && holds(seconds, 0, value(civil.second()))
}

fn search(cron: &str, zone: &TimeZone, from: Timestamp, to: Timestamp) -> Vec<Timestamp> {
    let fields = parse(cron).unwrap();
    let is_fixed = fields.0[..3]
        .iter()
        .flatten()
        .all(|item| matches!(item, FieldItem::Value(_)));
    let mut found = Vec::new();
    let [mut civil, end] = [from, to].map(|instant| instant.to_zoned(zone.clone()).datetime());
    while civil < end {
        if matches(&fields, civil) {
            let at = |offset: jiff::tz::Offset| offset.to_timestamp(civil).unwrap();
            match zone.to_ambiguous_timestamp(civil).offset() {
                AmbiguousOffset::Unambiguous { offset } => found.push(at(offset)),
                AmbiguousOffset::Fold { before, .. } if is_fixed => found.push(at(before)),
                AmbiguousOffset::Fold { before, after } => found.extend([at(before), at(after)]),
                AmbiguousOffset::Gap { after, .. } if is_fixed => {
                    let change = zone.following(at(after)).next().unwrap().timestamp();
                    let is_the_day = change.to_zoned(zone.clone()).date() == civil.date();
                    found.extend(is_the_day.then_some(change));
                }
                AmbiguousOffset::Gap { .. } => {}
            }
        }
        civil = civil.checked_add(SignedDuration::from_secs(STEP)).unwrap();
    }
    found.sort();
    found.dedup();
    found.retain(|instant| *instant > from && *instant < to);
    found
}

/// A field, more often of the hours in which clocks are changed than not.
fn any_field(rng: &mut Rng, least: u8, most: u8) -> String {
    let number = |rng: &mut Rng| rng.u8(least..=most.min(4 * least + 3).max(least + 1));
    match rng.u8(0..6) {
        0 => "*".to_owned(),
        1 => format!("*/{}", rng.u8(1..=(most - least) / 2)),
        2 => format!("{least}-{most}/{}", rng.u8(1..=(most - least))),
        3 => format!("{},{}", number(rng), rng.u8(least..=most)),
        _ => number(rng).to_string(),
    }
}

#[test]
fn random_expressions_name_what_a_search_finds() {
    let mut rng = Rng::with_seed(4);
    for (tz, noon_before) in [
        (BERLIN, "2026-03-28T11:00Z"),
        (BERLIN, "2026-10-24T10:00Z"),
        (LORD_HOWE, "2026-10-03T02:00Z"),
        (LORD_HOWE, "2026-04-04T01:00Z"),
        (APIA, "2011-12-29T22:00Z"),
        ("UTC", "2026-02-28T12:00Z"),
    ] {
        let zone = TimeZone::get(tz).unwrap();
        let from: Timestamp = noon_before.parse().unwrap();
        let to = from + SignedDuration::from_hours(36);
        for _ in 0..40 {
            let second = if rng.u8(0..4) == 0 { "*/20" } else { "0" };
            let (minute, hour) = (any_field(&mut rng, 0, 59), any_field(&mut rng, 0, 23));
            let day = if rng.bool() {
                "*".to_owned()
            } else {
                any_field(&mut rng, 1, 31)
            };
            let weekday = if rng.bool() {
                "*".to_owned()
            } else {
                any_field(&mut rng, 0, 7)
            };
            let cron = format!("{second} {minute} {hour} {day} * {weekday}");
            let times = times(&cron, tz);
            let mut instant = from;
            let named = std::iter::from_fn(|| {
                instant = times.after(instant)?;
                (instant < to).then_some(instant)
            });
            let named: Vec<_> = named.collect();
            assert_eq!(named, search(&cron, &zone, from, to), "{cron} in {tz}");
        }
    }
}
