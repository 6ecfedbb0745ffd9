//! How random plans are chosen: most services do as they should, so that most applications come up.

use lifecycle_tests::{Act, Hook, nothing, secs, until_stopped};
use proptest::collection::vec;
use proptest::prelude::*;

use super::plan::{End, Kind, Plan, Planned, SCRIPTED};

pub(crate) fn plans() -> impl Strategy<Value = Plan> {
    let limits = (4..40_u64, prop_oneof![3 => Just(0), 1 => 1..6_u64]);
    let base = prop_oneof![2 => Just(0), 1 => 1..4_usize];
    let plan = (limits, ends(), 1..=30_usize, base, vec(services(), 1..=30));
    plan.prop_map(|((deadline, delay), end, order, base, services)| Plan {
        order,
        base: base.min(services.len()),
        deadline,
        // A delay that leaves nothing is refused.
        delay: delay.min(deadline - 1),
        end,
        services: disabled_with(services.into_iter().enumerate().map(connected).collect()),
    })
}

/// What needs a disabled service is disabled too, or the registry would be refused.
fn disabled_with(mut services: Vec<Planned>) -> Vec<Planned> {
    for service in 0..services.len() {
        let after = &services[service].after;
        let needs_one = after.iter().any(|&need| services[need].is_disabled);
        let planned = &mut services[service];
        planned.is_disabled |= needs_one;
        planned.is_ignored &= !planned.is_disabled;
    }
    services
}

/// Whatever hangs: long deadlines, so that the shares of deep graphs are whole seconds, and drains that hang or take some of
/// them.
pub(crate) fn hung_plans() -> impl Strategy<Value = Plan> {
    let drain = prop_oneof![2 => one(Act::Hang), 3 => take(60), 1 => take(500)];
    let work = prop_oneof![3 => one(Act::UntilStopped), 1 => one(Act::Hang)];
    let kinds = prop_oneof![Just(Kind::Idle), Just(Kind::Resting), Just(Kind::Worker)];
    let service = (kinds, vec(0..30_usize, 0..3), 1..800_u64, work, drain).prop_map(
        |(kind, after, stop_timeout, work, drain)| Planned {
            kind,
            after,
            wants: Vec::new(),
            is_ignored: false,
            may_be_late: false,
            is_disabled: false,
            start_timeout: 90,
            stop_timeout,
            startup: nothing(),
            work: if kind == Kind::Worker {
                work
            } else {
                nothing()
            },
            drain,
        },
    );
    let limits = (300..1_500_u64, prop_oneof![3 => Just(0), 1 => 1..200_u64]);
    let services = vec(service, 1..=8);
    (limits, 1..=30_usize, services).prop_map(|((deadline, delay), order, services)| Plan {
        order,
        base: usize::from(order % 3 == 0).min(services.len()),
        deadline,
        delay,
        end: End::Stop(1),
        services: services.into_iter().enumerate().map(connected).collect(),
    })
}

/// Draws become dependencies on services that come before.
fn connected((place, mut planned): (usize, Planned)) -> Planned {
    for list in [&mut planned.after, &mut planned.wants] {
        list.retain(|_| place > 0);
        for dependency in &mut *list {
            *dependency %= place;
        }
        list.sort_unstable();
        list.dedup();
    }
    let Planned { after, wants, .. } = &mut planned;
    wants.retain(|dependency| !after.contains(dependency));
    planned
}

fn ends() -> impl Strategy<Value = End> {
    let at = || 0..60_u64;
    prop_oneof![
        at().prop_map(End::Stop),
        (at(), 0..8_u64).prop_map(|(at, later)| End::Request(at, later)),
        at().prop_map(End::External),
        at().prop_map(End::Drop),
    ]
}

fn services() -> impl Strategy<Value = Planned> {
    let draws = (vec(0..30_usize, 0..3), vec(0..30_usize, 0..3));
    let limits = (5..30_u64, 1..12_u64);
    let policy = prop_oneof![
        15 => Just((false, false)),
        4 => Just((true, false)),
        1 => Just((false, true)),
    ];
    let policy = (policy, prop_oneof![3 => Just(false), 1 => Just(true)]);
    (kinds(), draws, policy, limits).prop_flat_map(
        |(kind, draws, ((is_ignored, is_disabled), may_be_late), limits)| {
            (startups(kind), works(kind), drains()).prop_map(move |(startup, work, drain)| {
                Planned {
                    kind,
                    after: draws.0.clone(),
                    wants: draws.1.clone(),
                    is_ignored,
                    may_be_late,
                    is_disabled,
                    start_timeout: limits.0,
                    stop_timeout: limits.1,
                    startup,
                    work,
                    drain,
                }
            })
        },
    )
}

fn kinds() -> impl Strategy<Value = Kind> {
    prop_oneof![
        Just(Kind::Idle),
        Just(Kind::Resting),
        (2..20_u64).prop_map(Kind::Scheduled),
        Just(Kind::Worker),
        Just(Kind::Oneshot),
        Just(Kind::Background),
        Just(Kind::Custom),
    ]
}

fn take(limit: u64) -> impl Strategy<Value = Hook> {
    (0..limit).prop_map(|time| Act::Take(secs(time)).into())
}

fn one(act: Act) -> Just<Hook> {
    Just(act.into())
}

fn fail() -> Just<Hook> {
    one(Act::Fail(SCRIPTED.to_owned()))
}

fn panic() -> Just<Hook> {
    one(Act::Panic(SCRIPTED.to_owned()))
}

fn then(
    first: impl Strategy<Value = Hook>,
    second: impl Strategy<Value = Hook>,
) -> impl Strategy<Value = Hook> {
    (first, second).prop_map(|(first, second)| first.then(second))
}

/// Begins with a pause of some kind, or none.
fn pause() -> impl Strategy<Value = Hook> {
    prop_oneof![4 => Just(nothing()), 4 => take(8), 1 => one(Act::Yield)]
}

/// A task, or none.
fn task() -> impl Strategy<Value = Hook> {
    let spawned = prop_oneof![
        4 => then(one(Act::UntilStopped), take(6)),
        1 => own_end(),
        2 => take(10),
        1 => one(Act::Hang),
        1 => then(take(40), fail()),
        1 => then(take(40), panic()),
    ];
    prop_oneof![4 => Just(nothing()), 1 => spawned.prop_map(|task| Act::Spawn(task).into())]
}

fn startups(kind: Kind) -> BoxedStrategy<Hook> {
    if matches!(kind, Kind::Resting | Kind::Background) {
        return Just(nothing()).boxed();
    }
    let end = prop_oneof![30 => Just(nothing()), 1 => fail(), 1 => panic(), 1 => one(Act::Hang), 1 => one(Act::Shutdown), 1 => one(Act::AwaitHealthy)];
    then(task(), then(pause(), end)).boxed()
}

fn drains() -> impl Strategy<Value = Hook> {
    let end = prop_oneof![20 => Just(nothing()), 1 => fail(), 1 => panic(), 1 => one(Act::Hang)];
    then(pause(), end)
}

/// Ends because the application stops, without being asked itself.
fn own_end() -> impl Strategy<Value = Hook> {
    prop_oneof![
        then(one(Act::UntilRequested), take(6)),
        then(one(Act::AwaitHealthy), one(Act::UntilRequested)),
        then(take(40), then(one(Act::Shutdown), take(6))),
    ]
}

/// What a service does while it runs, and how that may go wrong.
fn works(kind: Kind) -> BoxedStrategy<Hook> {
    let wrong = || prop_oneof![fail(), panic(), Just(nothing()), one(Act::Hang)];
    let well = || then(one(Act::UntilStopped), take(6));
    match kind {
        Kind::Idle | Kind::Resting => Just(nothing()).boxed(),
        Kind::Scheduled(_) => {
            let end =
                prop_oneof![10 => Just(nothing()), 2 => fail(), 1 => panic(), 1 => one(Act::Hang)];
            then(pause(), end).boxed()
        }
        Kind::Worker => {
            let run = prop_oneof![8 => well(), 2 => own_end(), 1 => then(take(40), wrong()), 1 => wrong()];
            then(task(), run).boxed()
        }
        Kind::Oneshot => {
            let end =
                prop_oneof![10 => Just(nothing()), 1 => fail(), 1 => panic(), 1 => one(Act::Hang)];
            then(task(), then(take(10), end)).boxed()
        }
        Kind::Background => {
            let run = prop_oneof![4 => then(take(40), Just(nothing())), 2 => well(), 2 => own_end(), 1 => then(take(40), wrong()), 1 => wrong()];
            then(task(), run).boxed()
        }
        Kind::Custom => {
            let run = prop_oneof![8 => well(), 2 => own_end(), 1 => then(take(40), wrong()), 1 => wrong()];
            let ready = prop_oneof![20 => one(Act::Ready), 1 => Just(until_stopped())];
            then(task(), then(pause(), then(ready, run))).boxed()
        }
    }
}
