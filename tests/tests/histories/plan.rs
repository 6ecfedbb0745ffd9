//! What a history is made of, chosen by a seed.

use std::time::Duration;

use fastrand::Rng;
use lifecycle::{OnFailure, OnLate, Restart, Then};
use lifecycle_tests::millis;

#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// So many services, the first ones, have `before = all`.
    pub(crate) base: usize,
    /// A service depends on earlier ones only.
    pub(crate) services: Vec<Planned>,
    pub(crate) orders: Vec<(Duration, Order)>,
    pub(crate) stop_at: Duration,
}

#[derive(Clone, Debug)]
pub(crate) struct Planned {
    pub(crate) kind: Kind,
    pub(crate) after: Vec<usize>,
    pub(crate) wants: Vec<usize>,
    pub(crate) restart_with: Vec<usize>,
    pub(crate) policy: OnFailure,
    pub(crate) on_late: OnLate,
    pub(crate) stop_timeout: Duration,
}

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Actor(Shape, Vec<Life>),
    /// A registry of actors, one after the other.
    Nested(Vec<Planned>),
    Group,
    Disabled,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Worker,
    Idle,
    Scheduled,
    /// A oneshot in the background.
    Background,
}

/// What one run of an actor does. After the last one planned, a run does nothing.
#[derive(Clone, Debug)]
pub(crate) struct Life {
    pub(crate) startup: Duration,
    pub(crate) startup_fails: bool,
    /// How long it is up before it ends by itself.
    pub(crate) up: Option<Duration>,
    /// How long it goes on after it was asked to stop.
    pub(crate) lingers: Duration,
    pub(crate) ending: Ending,
    pub(crate) drain: Duration,
    pub(crate) drain_fails: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Fails,
    Panics,
    FailsForGood,
}

#[derive(Clone, Debug)]
pub(crate) enum Order {
    Restart(usize),
    Reload,
    Add(usize, u8, Planned),
    Remove(usize, u8),
    RestartMember(usize, u8),
}

/// The time that a registry or a group has for all that is in it.
const CONTAINER: Duration = Duration::from_secs(10);

impl Plan {
    pub(crate) fn of(seed: u64) -> Self {
        let rng = &mut Rng::with_seed(seed);
        let count = rng.usize(1..8);
        let mut services: Vec<_> = (0..count).map(|place| Planned::of(rng, place)).collect();
        only_want_what_is_disabled(&mut services);
        let base = [0, 0, 1, 2][rng.usize(0..4)].min(count);
        let orders = (0..rng.usize(0..24)).filter_map(|_| {
            let order = Order::of(rng, &services)?;
            Some((millis(rng.u64(0..2_000)), order))
        });
        let orders = orders.collect();
        Self {
            base,
            services,
            orders,
            stop_at: millis(rng.u64(50..2_500)),
        }
    }
}

/// A need of a disabled service is an error of the registry.
fn only_want_what_is_disabled(services: &mut [Planned]) {
    let is_disabled: Vec<_> = services
        .iter()
        .map(|planned| matches!(planned.kind, Kind::Disabled))
        .collect();
    for planned in services {
        planned.restart_with.retain(|&below| !is_disabled[below]);
        let unmet = planned.after.extract_if(.., |below| is_disabled[*below]);
        planned.wants.extend(unmet);
    }
}

impl Planned {
    fn of(rng: &mut Rng, place: usize) -> Self {
        let kind = match rng.u8(0..12) {
            0 => Kind::Disabled,
            1 | 2 => Kind::Nested((0..rng.usize(1..4)).map(|_| Self::actor(rng)).collect()),
            3 | 4 => Kind::Group,
            _ => return Self::actor(rng).placed(rng, place),
        };
        let policy = policy(rng);
        Self {
            kind,
            policy,
            stop_timeout: CONTAINER,
            ..Self::actor(rng)
        }
        .placed(rng, place)
    }

    /// Depends on nothing.
    fn actor(rng: &mut Rng) -> Self {
        let shapes = [
            Shape::Worker,
            Shape::Idle,
            Shape::Scheduled,
            Shape::Background,
        ];
        let shape = shapes[rng.usize(0..4)];
        let lives = (0..rng.usize(0..5)).map(|run| Life::of(rng, run)).collect();
        Self {
            kind: Kind::Actor(shape, lives),
            after: Vec::new(),
            wants: Vec::new(),
            restart_with: Vec::new(),
            policy: policy(rng),
            on_late: [OnLate::Fail, OnLate::Ignore][rng.usize(0..2)],
            // A quarter is for the drain, and none takes longer than 60 ms.
            stop_timeout: millis(rng.u64(280..500)),
        }
    }

    /// A member of a group: now and then one that has services of its own, or none.
    fn member(rng: &mut Rng) -> Self {
        let kind = match rng.u8(0..12) {
            0 => Kind::Disabled,
            1 => Kind::Nested((0..rng.usize(1..3)).map(|_| Self::actor(rng)).collect()),
            _ => return Self::actor(rng),
        };
        Self {
            kind,
            stop_timeout: CONTAINER,
            ..Self::actor(rng)
        }
    }

    fn placed(mut self, rng: &mut Rng, place: usize) -> Self {
        for earlier in 0..place {
            match rng.u8(0..10) {
                0..3 => self.after.push(earlier),
                3 => self.wants.push(earlier),
                4 => {
                    self.after.push(earlier);
                    self.restart_with.push(earlier);
                }
                _ => {}
            }
        }
        self
    }
}

impl Life {
    fn of(rng: &mut Rng, run: usize) -> Self {
        Self {
            startup: millis(rng.u64(0..3) * rng.u64(0..30)),
            // A first start that fails is final.
            startup_fails: rng.u8(0..if run == 0 { 40 } else { 8 }) == 0,
            up: (rng.u8(0..5) > 0).then(|| millis(rng.u64(0..400))),
            ending: match rng.u8(0..12) {
                0 => Ending::FailsForGood,
                1..4 => Ending::Panics,
                _ => Ending::Fails,
            },
            // Beyond its `stop_timeout` now and then.
            lingers: millis(if rng.u8(0..6) == 0 {
                rng.u64(0..600)
            } else {
                0
            }),
            drain: millis(rng.u64(0..3) * rng.u64(0..30)),
            drain_fails: rng.u8(0..40) == 0,
        }
    }

    pub(crate) fn quiet() -> Self {
        Self {
            startup: Duration::ZERO,
            startup_fails: false,
            up: None,
            ending: Ending::Fails,
            drain: Duration::ZERO,
            lingers: Duration::ZERO,
            drain_fails: false,
        }
    }
}

impl Order {
    fn of(rng: &mut Rng, services: &[Planned]) -> Option<Self> {
        let service = rng.usize(0..services.len());
        let key = rng.u8(0..3);
        Some(match (&services[service].kind, rng.u8(0..4)) {
            (Kind::Group, 0) => Self::RestartMember(service, key),
            (Kind::Group, 1) => Self::Remove(service, key),
            (Kind::Group, 2..) => Self::Add(service, key, Planned::member(rng)),
            (_, 0) => Self::Restart(service),
            (_, 1) => Self::Reload,
            _ => return None,
        })
    }
}

fn policy(rng: &mut Rng) -> OnFailure {
    match rng.u8(0..10) {
        0 => OnFailure::Shutdown,
        1 | 2 => OnFailure::Ignore,
        _ => {
            let from = rng.u64(1..50);
            let restart = Restart::new()
                .backoff(millis(from), millis(from + rng.u64(0..300)))
                .reset(millis(rng.u64(100..1_000)));
            let restart = match rng.u8(0..3) {
                0 => restart.max(rng.u32(1..5)),
                _ => restart.forever(),
            };
            let ends = [Then::Ignore, Then::Shutdown];
            restart.then(ends[rng.usize(0..2)]).into()
        }
    }
}
