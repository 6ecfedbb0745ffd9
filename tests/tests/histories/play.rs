//! Plays a plan on the paused clock and keeps all that can be seen of it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use lifecycle::{
    Entry, Group, Handle, Outcome, Registry, RegistryBuilder, Service, ServiceStatus, Transition,
};
use lifecycle_tests::{Moves, millis, secs, start};
use tokio::runtime::Builder;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::actors::{Actor, BackgroundActor, IdleActor, ScheduledActor, WorkerActor};
use super::plan::{Kind, Order, Plan, Planned, Shape};
use super::tape::{Line, Tape};

pub(crate) struct History {
    pub(crate) plan: Plan,
    pub(crate) lines: Vec<Line>,
    pub(crate) moves: Vec<(Duration, Transition)>,
    /// When the first request to stop was made.
    pub(crate) requested: Duration,
    pub(crate) outcome: Outcome,
    pub(crate) states: Vec<ServiceStatus>,
    /// What was seen of readiness that was not true.
    pub(crate) false_health: Vec<String>,
    /// Lines that came after the end.
    pub(crate) afterwards: usize,
    pub(crate) tasks_left: usize,
    /// Members that the groups have taken in.
    pub(crate) added: usize,
}

pub(crate) fn play(plan: &Plan) -> History {
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    let plan = plan.clone();
    runtime.unwrap().block_on(async {
        let played = timeout(secs(600), record(plan)).await;
        played.expect("it never ended")
    })
}

async fn record(plan: Plan) -> History {
    let tape = Tape::new();
    let groups: BTreeMap<usize, Group<u8>> = plan
        .services
        .iter()
        .enumerate()
        .filter(|(_, planned)| matches!(planned.kind, Kind::Group))
        .map(|(place, _)| (place, Group::new()))
        .collect();
    let registry = registry(&plan, &groups, &tape);
    let handle = registry.handle();
    let moves = Moves::watch(&handle);
    let running = start(registry);
    let origin = tape.origin();
    let requested = tokio::spawn({
        let handle = handle.clone();
        async move {
            handle.wait().await;
            origin.elapsed()
        }
    });
    let looking = tokio::spawn(look(handle.clone()));
    let given: Vec<_> = plan
        .orders
        .iter()
        .enumerate()
        .map(|(number, (at, order))| {
            let group = match order {
                Order::Add(place, ..)
                | Order::Remove(place, _)
                | Order::RestartMember(place, _) => groups.get(place).cloned(),
                Order::Restart(_) | Order::Reload => None,
            };
            let carried = carry_out(number, order.clone(), group, handle.clone(), tape.clone());
            let at = origin + *at;
            tokio::spawn(async move {
                sleep_until(at).await;
                carried.await
            })
        })
        .collect();

    let _ = timeout(plan.stop_at, running.wait()).await;
    let outcome = running.stop().await;
    let lines = tape.lines();
    let moves = moves.collect().await;
    let mut added = 0;
    for order in given {
        added += usize::from(order.await.unwrap());
    }
    let requested = requested.await.unwrap();
    let false_health = looking.await.unwrap();
    sleep(secs(100)).await;
    let tasks_left = tokio::runtime::Handle::current()
        .metrics()
        .num_alive_tasks();
    History {
        afterwards: tape.lines().len() - lines.len(),
        lines,
        moves: timed(moves, origin),
        requested,
        outcome,
        states: handle.states(),
        false_health,
        tasks_left,
        added,
        plan,
    }
}

fn timed(moves: Vec<Transition>, origin: Instant) -> Vec<(Duration, Transition)> {
    let timed = |transition: Transition| (transition.at - origin, transition);
    moves.into_iter().map(timed).collect()
}

pub(crate) fn name(place: usize) -> String {
    format!("s{place}")
}

fn registry(plan: &Plan, groups: &BTreeMap<usize, Group<u8>>, tape: &Tape) -> Registry {
    let mut builder = Registry::builder();
    for (place, planned) in plan.services.iter().enumerate() {
        let name = name(place);
        let names = |places: &[usize]| places.iter().copied().map(self::name).collect::<Vec<_>>();
        let service = match &planned.kind {
            Kind::Group => Box::new(groups[&place].clone()),
            _ => service(&name, planned, tape),
        };
        builder = builder
            .service(name, service)
            .after(names(&planned.after))
            .wants(names(&planned.wants))
            .restart_with(names(&planned.restart_with))
            .stop_timeout(planned.stop_timeout)
            .on_late(planned.on_late)
            .on_failure(planned.policy);
        if place < plan.base {
            builder = builder.before_all();
        }
    }
    builder.build().unwrap().deadline(secs(60))
}

/// The service with this name, which is no group.
fn service(name: &str, planned: &Planned, tape: &Tape) -> Box<dyn Service> {
    match &planned.kind {
        Kind::Nested(inner) => Box::new(nested(name, inner, tape)),
        Kind::Actor(shape, lives) => {
            let actor = Arc::new(Actor::new(name.into(), lives.clone(), tape.clone()));
            match shape {
                Shape::Worker => Box::new(WorkerActor(actor)),
                Shape::Idle => Box::new(IdleActor(actor)),
                Shape::Scheduled => Box::new(ScheduledActor(actor, AtomicUsize::new(0))),
                Shape::Background => Box::new(BackgroundActor(actor)),
            }
        }
        Kind::Disabled | Kind::Group => Box::new(None::<WorkerActor>),
    }
}

/// The registry that is the service of this name.
fn nested(name: &str, inner: &[Planned], tape: &Tape) -> Registry {
    let add = |builder: RegistryBuilder, (place, planned): (usize, &Planned)| {
        let own = format!("c{place}");
        let service = service(&format!("{name}/{own}"), planned, tape);
        let below = (place > 0).then(|| format!("c{}", place - 1));
        builder
            .service(own, service)
            .after(below)
            .stop_timeout(planned.stop_timeout)
            .on_late(planned.on_late)
            .on_failure(planned.policy)
    };
    let builder = inner.iter().enumerate().fold(Registry::builder(), add);
    builder.build().unwrap()
}

/// Whether a group has taken in a member.
async fn carry_out(
    number: usize,
    order: Order,
    group: Option<Group<u8>>,
    handle: Handle,
    tape: Tape,
) -> bool {
    match (order, group) {
        (Order::Restart(place), _) => drop(handle.restart(&name(place)).await),
        (Order::Reload, _) => drop(handle.reload().await),
        (Order::RestartMember(_, key), Some(group)) => drop(group.restart(&key).await),
        (Order::Remove(_, key), Some(group)) => drop(group.remove(&key).await),
        (Order::Add(place, key, planned), Some(group)) => {
            // Members that have had the same key, one after the other, are different actors.
            let service = service(&format!("{}/{key}#{number}", name(place)), &planned, &tape);
            let entry = Entry::new(service)
                .stop_timeout(planned.stop_timeout)
                .on_late(planned.on_late)
                .on_failure(planned.policy);
            return group.add(key, entry).await.is_ok();
        }
        (_, None) => unreachable!("an order to a member is for a group"),
    }
    false
}

/// Looks again and again whether what is said of readiness is true.
async fn look(handle: Handle) -> Vec<String> {
    let mut false_health = Vec::new();
    let mut moves = handle.subscribe();
    loop {
        let is_requested = timeout(Duration::ZERO, handle.wait()).await.is_ok();
        let states = handle.states();
        let all_up = states
            .iter()
            .all(|status| status.is_healthy() || !counts(status, &states));
        if handle.is_healthy() != (all_up && !is_requested) {
            let seen = states.iter().map(|of| format!("{} {}", of.name, of.state));
            let seen: Vec<_> = seen.collect();
            false_health.push(format!("{} with {seen:?}", handle.is_healthy()));
        }
        let looked = timeout(millis(7), async { while moves.recv().await.is_some() {} });
        if looked.await.is_ok() {
            return false_health;
        }
    }
}

/// Readiness depends on what is in a nested registry that counts itself, and not on the members of a group.
fn counts(status: &ServiceStatus, all: &[ServiceStatus]) -> bool {
    let outer = match status.name.split_once('/') {
        None => true,
        Some((outer, inner)) => {
            inner.starts_with('c') && all.iter().any(|of| of.name == *outer && of.counts())
        }
    };
    outer && status.counts()
}

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "requested at {:?}", self.requested)?;
        for (at, to) in &self.moves {
            writeln!(f, "{at:?} {to}")?;
        }
        for line in &self.lines {
            writeln!(f, "{line}")?;
        }
        write!(f, "{}", self.outcome)
    }
}
