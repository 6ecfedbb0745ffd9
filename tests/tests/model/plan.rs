//! A random application as data: which services, what each does, and how it is asked to stop.
//!
//! A plan is written as text, one service a line, so that a failure can be pasted into `replayed.txt`. In `after[0,?1]`
//! the second is only wanted; `ignore+late` is `on_failure = ignore, on_late = ignore`. A head that ends in `base 2` gives the first two services `before = all`.

use std::fmt;
use std::time::Duration;

use lifecycle::{OnFailure, OnLate, Registry, RegistryBuilder};
use lifecycle_tests::{Act, Hook, IdleScript, Journal, secs};

#[derive(Clone, PartialEq)]
pub(crate) struct Plan {
    pub(crate) deadline: u64,
    pub(crate) delay: u64,
    pub(crate) end: End,
    /// In which order the services are listed; see [`Plan::listed`].
    pub(crate) order: usize,
    /// So many services, the first ones, have `before = all`.
    pub(crate) base: usize,
    pub(crate) services: Vec<Planned>,
}

/// How the owner ends the run, unless the services end it first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum End {
    /// Calls `stop` at this second.
    Stop(u64),
    /// Somebody calls `shutdown` at this second, and the owner `stop` so much later.
    Request(u64, u64),
    /// `stop_on` resolves at this second.
    External(u64),
    /// The owner is dropped at this second.
    Drop(u64),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Planned {
    pub(crate) kind: Kind,
    pub(crate) after: Vec<usize>,
    /// None that is in `after`.
    pub(crate) wants: Vec<usize>,
    pub(crate) is_ignored: bool,
    /// `on_late = ignore`.
    pub(crate) may_be_late: bool,
    /// Its value is `None`. Then so is that of every service that has it in its `after`.
    pub(crate) is_disabled: bool,
    pub(crate) start_timeout: u64,
    pub(crate) stop_timeout: u64,
    pub(crate) startup: Hook,
    /// `run`, a tick, or a hand-written `start`.
    pub(crate) work: Hook,
    pub(crate) drain: Hook,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    Idle,
    /// An idle service without `startup`.
    Resting,
    /// With its interval in seconds.
    Scheduled(u64),
    Worker,
    Oneshot,
    /// A oneshot in the background.
    Background,
    Custom,
}

pub(crate) fn name(service: usize) -> String {
    format!("s{service}")
}

impl Plan {
    pub(crate) fn registry(&self, journal: &Journal) -> Registry {
        let builder = Registry::builder();
        let add = |builder, service: usize| {
            let builder = self.services[service].add(builder, service, journal);
            if service < self.base {
                builder.before_all()
            } else {
                builder
            }
        };
        let registry = self.listed().into_iter().fold(builder, add).build();
        // The builder would refuse a delay that leaves nothing of the deadline.
        let registry = registry
            .unwrap()
            .signals(false)
            .deadline(secs(self.deadline))
            .shutdown_delay(secs(self.delay));
        match self.end {
            End::External(at) => registry.stop_on(tokio::time::sleep(secs(at))),
            _ => registry,
        }
    }

    /// The services in the order in which the registry lists them: 1 is dependencies first, 30 is dependents first.
    pub(crate) fn listed(&self) -> Vec<usize> {
        let mut listed: Vec<_> = (0..self.services.len()).collect();
        // A prime, and more than there are services: no two of them come to the same place.
        listed.sort_by_key(|service| (service + 1) * self.order % 31);
        listed
    }

    /// The services that this one waits for, and can do without.
    pub(crate) fn wants(&self, service: usize) -> Vec<usize> {
        let Planned { after, wants, .. } = &self.services[service];
        let base = 0..if service < self.base { 0 } else { self.base };
        let is_named = |place: &usize| after.contains(place) || wants.contains(place);
        let implied = base.filter(|place| !is_named(place));
        implied.chain(wants.iter().copied()).collect()
    }

    /// Every service that this one depends on, directly or further on.
    pub(crate) fn dependencies(&self, service: usize) -> Vec<usize> {
        let mut reached = vec![service];
        for place in (0..service).rev() {
            let is_below = |&above: &usize| {
                self.services[above].after.contains(&place) || self.wants(above).contains(&place)
            };
            if reached.iter().any(is_below) {
                reached.push(place);
            }
        }
        reached.split_off(1)
    }

    /// Every service that stops before this one: those that need it or want it, directly or further on.
    pub(crate) fn dependents(&self, service: usize) -> Vec<usize> {
        self.reach(service, |dependent| {
            let after = self.services[dependent].after.iter().copied();
            after.chain(self.wants(dependent)).collect()
        })
    }

    /// Every service that fails with this one: those that need it, directly or further on.
    pub(crate) fn needing(&self, service: usize) -> Vec<usize> {
        self.reach(service, |dependent| self.services[dependent].after.clone())
    }

    fn reach(&self, service: usize, steps: impl Fn(usize) -> Vec<usize>) -> Vec<usize> {
        let mut reached = vec![service];
        // Dependencies come before their dependents.
        for place in service + 1..self.services.len() {
            if steps(place)
                .iter()
                .any(|dependency| reached.contains(dependency))
            {
                reached.push(place);
            }
        }
        reached.split_off(1)
    }
}

impl Planned {
    fn add(&self, builder: RegistryBuilder, service: usize, journal: &Journal) -> RegistryBuilder {
        let script = journal
            .script()
            .startup(self.startup.clone())
            .tick(self.work.clone())
            .run(self.work.clone())
            .drain(self.drain.clone());
        let name = name(service);
        let builder = match self.kind {
            _ if self.is_disabled => builder.service(name, None::<IdleScript>),
            Kind::Idle => builder.service(name, script.idle()),
            Kind::Resting => builder.service(name, script.resting()),
            Kind::Scheduled(every) => builder.service(name, script.scheduled(secs(every))),
            Kind::Worker => builder.service(name, script.worker()),
            Kind::Oneshot => builder.service(name, script.oneshot()),
            Kind::Background => builder.service(name, script.background()),
            Kind::Custom => builder.service(name, script.custom()),
        };
        let policy = if self.is_ignored {
            OnFailure::Ignore
        } else {
            OnFailure::Shutdown
        };
        let on_late = if self.may_be_late {
            OnLate::Ignore
        } else {
            OnLate::Fail
        };
        builder
            .after(self.after.iter().copied().map(self::name))
            .wants(self.wants.iter().copied().map(self::name))
            .start_timeout(secs(self.start_timeout))
            .stop_timeout(secs(self.stop_timeout))
            .on_failure(policy)
            .on_late(on_late)
    }
}

/// A failing plan is shown as the text to be replayed.
impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\n{self}")
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (how, at, later) = match self.end {
            End::Stop(at) => ("stop", at, 0),
            End::Request(at, later) => ("request", at, later),
            End::External(at) => ("external", at, 0),
            End::Drop(at) => ("drop", at, 0),
        };
        let Self {
            deadline,
            delay,
            order,
            base,
            ..
        } = self;
        write!(f, "plan {deadline} {delay} {how} {at} {later} {order}")?;
        if *base > 0 {
            write!(f, " base {base}")?;
        }
        writeln!(f)?;
        self.services
            .iter()
            .try_for_each(|planned| write!(f, "{planned}"))
    }
}

impl fmt::Display for Planned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, every) = match self.kind {
            Kind::Idle => ("idle", 0),
            Kind::Resting => ("resting", 0),
            Kind::Scheduled(every) => ("scheduled", every),
            Kind::Worker => ("worker", 0),
            Kind::Oneshot => ("oneshot", 0),
            Kind::Background => ("background", 0),
            Kind::Custom => ("custom", 0),
        };
        let wants = self.wants.iter().map(|service| format!("?{service}"));
        let after = self.after.iter().map(ToString::to_string);
        let after: Vec<_> = after.chain(wants).collect();
        let policy = match (self.is_disabled, self.is_ignored) {
            (true, _) => "disabled",
            (false, true) => "ignore",
            (false, false) => "shutdown",
        };
        let late = if self.may_be_late { "+late" } else { "" };
        writeln!(
            f,
            "{kind} {every} after[{}] {policy}{late} {} {} {} {} {}",
            after.join(","),
            self.start_timeout,
            self.stop_timeout,
            written(&self.startup),
            written(&self.work),
            written(&self.drain),
        )
    }
}

/// `t3.u.k(t1.f)`: takes three seconds, waits until stopped, spawns a task that takes one second and fails; `-` for no act.
fn written(hook: &Hook) -> String {
    let acts: Vec<_> = hook.0.iter().map(written_act).collect();
    if acts.is_empty() {
        "-".to_owned()
    } else {
        acts.join(".")
    }
}

fn written_act(act: &Act) -> String {
    match act {
        Act::Take(time) => format!("t{}", time.as_secs()),
        Act::UntilStopped => "u".to_owned(),
        Act::UntilExited => "e".to_owned(),
        Act::UntilRequested => "q".to_owned(),
        Act::AwaitHealthy => "w".to_owned(),
        Act::Ready => "r".to_owned(),
        Act::Hang => "h".to_owned(),
        Act::Yield => "y".to_owned(),
        Act::Fail(_) => "f".to_owned(),
        Act::Panic(_) => "p".to_owned(),
        Act::Shutdown => "s".to_owned(),
        Act::Spawn(task) => format!("k({})", written(task)),
        other => panic!("{other:?} is in no plan"),
    }
}

/// Reads what `Display` has written.
pub(crate) fn read(text: &str) -> Plan {
    let mut lines = text.lines();
    let head: Vec<_> = lines.next().unwrap().split(' ').collect();
    let number = |place: usize| head[place].parse::<u64>().unwrap();
    Plan {
        deadline: number(1),
        delay: number(2),
        end: match head[3] {
            "stop" => End::Stop(number(4)),
            "request" => End::Request(number(4), number(5)),
            "external" => End::External(number(4)),
            _ => End::Drop(number(4)),
        },
        order: usize::try_from(number(6)).unwrap(),
        base: head.get(8).map_or(0, |base| base.parse().unwrap()),
        services: lines.map(read_service).collect(),
    }
}

fn read_service(line: &str) -> Planned {
    let words: Vec<_> = line.split(' ').collect();
    let number = |place: usize| words[place].parse::<u64>().unwrap();
    let late = words[3].strip_suffix("+late");
    let policy = late.unwrap_or(words[3]);
    let after = words[2].trim_start_matches("after[").trim_end_matches(']');
    Planned {
        kind: match words[0] {
            "idle" => Kind::Idle,
            "resting" => Kind::Resting,
            "scheduled" => Kind::Scheduled(number(1)),
            "worker" => Kind::Worker,
            "oneshot" => Kind::Oneshot,
            "background" => Kind::Background,
            _ => Kind::Custom,
        },
        after: after
            .split(',')
            .filter_map(|place| place.parse().ok())
            .collect(),
        wants: after
            .split(',')
            .filter_map(|place| place.strip_prefix('?')?.parse().ok())
            .collect(),
        is_ignored: policy == "ignore",
        may_be_late: late.is_some(),
        is_disabled: policy == "disabled",
        start_timeout: number(4),
        stop_timeout: number(5),
        startup: read_hook(words[6]),
        work: read_hook(words[7]),
        drain: read_hook(words[8]),
    }
}

fn read_hook(text: &str) -> Hook {
    let mut acts = Vec::new();
    let mut rest = if text == "-" { "" } else { text };
    while !rest.is_empty() {
        let end = match rest.strip_prefix("k(") {
            // A task spawns no task.
            Some(_) => rest.find(')').unwrap() + 1,
            None => rest.find('.').unwrap_or(rest.len()),
        };
        acts.push(read_act(&rest[..end]));
        rest = rest[end..].trim_start_matches('.');
    }
    Hook(acts)
}

fn read_act(text: &str) -> Act {
    let (act, rest) = text.split_at(1);
    match act {
        "t" => Act::Take(Duration::from_secs(rest.parse().unwrap())),
        "u" => Act::UntilStopped,
        "e" => Act::UntilExited,
        "q" => Act::UntilRequested,
        "w" => Act::AwaitHealthy,
        "r" => Act::Ready,
        "h" => Act::Hang,
        "y" => Act::Yield,
        "f" => Act::Fail(SCRIPTED.to_owned()),
        "p" => Act::Panic(SCRIPTED.to_owned()),
        "s" => Act::Shutdown,
        _ => Act::Spawn(read_hook(&rest[1..rest.len() - 1])),
    }
}

/// What hooks fail and panic with.
pub(crate) const SCRIPTED: &str = "as scripted";
