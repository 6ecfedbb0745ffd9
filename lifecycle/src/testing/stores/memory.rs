//! What a memory owes.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::task::JoinSet;

use super::{Names, answer};
use crate::store::{Memory, Point, Remembered};

/// How many replicas race for a point, and how often.
const RACERS: usize = 16;
const RACES: u64 = 8;
const RACES_FOR_NEW_NAMES: usize = 50;

/// Checks a memory: a point begins once, whatever replica and clock; one that has not ended may be tried again, once
/// for each attempt; what has begun is what is remembered, to the microsecond; sixteen racers.
///
/// # Panics
///
/// Where the store fails, or does not keep its contract, with the name of the case.
pub async fn memory(open: impl Fn() -> Arc<dyn Memory>) {
    let names = Names::new();
    let (store, other) = (open(), open());
    a_point_begins_once(&names, &*store, &*other).await;
    a_point_that_has_not_ended_is_tried_again(&names, &*store, &*other).await;
    points_are_kept_to_the_microsecond(&names, &*store, &*other).await;
    names_are_apart(&names, &*store).await;
    let racers: Vec<_> = (0..RACERS).map(|_| open()).collect();
    one_of_many_racers_begins(&names, &racers).await;
    one_of_many_racers_begins_the_first_point(&names, &racers).await;
    the_newest_of_points_that_race_begins(&names, &racers).await;
}

/// So many seconds after the beginning of 2026.
fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600 + seconds)
}

async fn begin(case: &str, store: &dyn Memory, name: &str, at: SystemTime, attempt: u32) -> bool {
    answer(case, store.begin(name, &Point::new(at, attempt)).await)
}

async fn end(case: &str, store: &dyn Memory, name: &str, at: SystemTime, attempt: u32) -> bool {
    answer(case, store.end(name, &Point::new(at, attempt)).await)
}

#[track_caller]
fn assert_is(case: &str, last: Option<Remembered>, at: SystemTime, attempt: u32, ended: bool) {
    let expected = Remembered::new(Point::new(at, attempt), ended);
    assert_eq!(
        last,
        Some(expected),
        "`{case}`: something else is remembered"
    );
}

async fn a_point_begins_once(names: &Names, store: &dyn Memory, other: &dyn Memory) {
    let case = "a_point_begins_once";
    let name = names.of(case);
    assert_eq!(
        answer(case, store.last(&name).await),
        None,
        "`{case}`: known before"
    );
    assert!(
        !end(case, store, &name, at(10), 0).await,
        "`{case}`: ended, and never begun"
    );
    assert_eq!(
        answer(case, store.last(&name).await),
        None,
        "`{case}`: an end made it known"
    );
    assert!(
        begin(case, store, &name, at(10), 0).await,
        "`{case}`: the first was refused"
    );
    assert_is(
        case,
        answer(case, other.last(&name).await),
        at(10),
        0,
        false,
    );
    assert!(
        !begin(case, other, &name, at(10), 0).await,
        "`{case}`: it began twice"
    );
    assert!(
        !begin(case, other, &name, at(9), 0).await,
        "`{case}`: an earlier one began"
    );
    assert!(
        end(case, store, &name, at(10), 0).await,
        "`{case}`: its end was refused"
    );
    assert!(
        end(case, other, &name, at(10), 0).await,
        "`{case}`: its end again was refused"
    );
    assert_is(case, answer(case, other.last(&name).await), at(10), 0, true);
    assert!(
        !begin(case, other, &name, at(10), 1).await,
        "`{case}`: begun again after its end"
    );
    assert!(
        begin(case, other, &name, at(11), 0).await,
        "`{case}`: the next was refused"
    );
    assert!(
        !end(case, store, &name, at(10), 0).await,
        "`{case}`: an old one ended"
    );
    assert_is(
        case,
        answer(case, store.last(&name).await),
        at(11),
        0,
        false,
    );
    // A later one may begin though this one has not ended: its replica may be gone.
    assert!(
        begin(case, store, &name, at(12), 3).await,
        "`{case}`: refused by an open one"
    );
}

async fn a_point_that_has_not_ended_is_tried_again(
    names: &Names,
    store: &dyn Memory,
    other: &dyn Memory,
) {
    let case = "a_point_that_has_not_ended_is_tried_again";
    let name = names.of(case);
    assert!(
        begin(case, store, &name, at(10), 0).await,
        "`{case}`: the first was refused"
    );
    assert!(
        !begin(case, other, &name, at(10), 2).await,
        "`{case}`: an attempt was left out"
    );
    assert!(
        begin(case, other, &name, at(10), 1).await,
        "`{case}`: the second was refused"
    );
    assert!(
        !begin(case, store, &name, at(10), 1).await,
        "`{case}`: the second began twice"
    );
    assert!(
        !end(case, store, &name, at(10), 0).await,
        "`{case}`: the first ended after all"
    );
    assert_is(
        case,
        answer(case, store.last(&name).await),
        at(10),
        1,
        false,
    );
    assert!(
        end(case, other, &name, at(10), 1).await,
        "`{case}`: its end was refused"
    );
    assert!(
        !begin(case, store, &name, at(10), 2).await,
        "`{case}`: begun again after its end"
    );
}

async fn points_are_kept_to_the_microsecond(names: &Names, store: &dyn Memory, other: &dyn Memory) {
    let case = "points_are_kept_to_the_microsecond";
    let name = names.of(case);
    let micro = Duration::from_micros(1);
    for at in [
        at(0) + micro,
        at(0) + 2 * micro,
        at(1) - micro,
        at(1),
        at(86_400 * 365 * 900),
    ] {
        assert!(
            begin(case, store, &name, at, 0).await,
            "`{case}`: {at:?} was refused"
        );
        assert!(
            !begin(case, other, &name, at - micro, 0).await,
            "`{case}`: before {at:?}"
        );
        assert_is(case, answer(case, other.last(&name).await), at, 0, false);
        assert!(
            end(case, other, &name, at, 0).await,
            "`{case}`: the end of {at:?}"
        );
    }
}

async fn names_are_apart(names: &Names, store: &dyn Memory) {
    let case = "names_are_apart";
    for odd in [
        "a",
        "A",
        "a ",
        "a/b",
        "a%b",
        "a_b",
        "a'b",
        "日本語",
        &"n".repeat(600),
    ] {
        let name = names.of(&format!("{case}/{odd}"));
        assert!(
            begin(case, store, &name, at(10), 0).await,
            "`{case}`: {odd:?} met another"
        );
    }
}

async fn one_of_many_racers_begins(names: &Names, racers: &[Arc<dyn Memory>]) {
    let case = "one_of_many_racers_begins";
    let name = names.of(case);
    for round in 0..RACES {
        // The point of the round first, then a second attempt at it.
        for attempt in 0..2 {
            race(case, &name, round, attempt, racers).await;
        }
    }
}

/// A store may have to make something of a name that it sees for the first time, and all racers see it at once.
async fn one_of_many_racers_begins_the_first_point(names: &Names, racers: &[Arc<dyn Memory>]) {
    let case = "one_of_many_racers_begins_the_first_point";
    for number in 0..RACES_FOR_NEW_NAMES {
        let name = names.of(&format!("{case}/{number}"));
        race(case, &name, 0, 0, racers).await;
    }
}

/// Whatever the others begin meanwhile, it is newer.
async fn the_newest_of_points_that_race_begins(names: &Names, racers: &[Arc<dyn Memory>]) {
    let case = "the_newest_of_points_that_race_begins";
    for number in 0..RACES_FOR_NEW_NAMES {
        let name = names.of(&format!("{case}/{number}"));
        let mut race = JoinSet::new();
        for (second, store) in (0..).zip(racers) {
            let (store, name) = (store.clone(), name.clone());
            race.spawn(async move {
                let begun = begin(case, &*store, &name, at(second), 0).await;
                (second, begun)
            });
        }
        let newest = race.join_all().await.into_iter().max();
        let is_begun = newest.is_some_and(|(_, begun)| begun);
        assert!(is_begun, "`{case}`: it was refused in race {number}");
    }
}

/// Lets all begin the point at once.
async fn race(
    case: &'static str,
    name: &str,
    round: u64,
    attempt: u32,
    racers: &[Arc<dyn Memory>],
) {
    let mut race = JoinSet::new();
    for store in racers {
        let (store, name) = (store.clone(), name.to_owned());
        race.spawn(async move { begin(case, &*store, &name, at(round), attempt).await });
    }
    let begun = race.join_all().await.into_iter().filter(|begun| *begun);
    assert_eq!(
        begun.count(),
        1,
        "`{case}`: attempt {attempt} of round {round}"
    );
}
