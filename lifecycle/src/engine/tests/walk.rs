//! Random walks: small random graphs, events in random order, and what must hold after each of them.

use fastrand::Rng;

use super::*;
use crate::report::restart::{Restart, Then};

const MAX: u32 = 2;
const RESET: Duration = Duration::from_secs(5);

const POLICY: Restart = Restart::new()
    .backoff(Duration::from_millis(500), Duration::from_secs(3))
    .max(MAX)
    .reset(RESET);

const KINDS: [ServiceSettings; 9] = [
    SETTINGS,
    SETTINGS,
    SETTINGS,
    IGNORE,
    IGNORE,
    ONESHOT,
    with_policy(POLICY),
    with_policy(POLICY),
    with_policy(POLICY.then(Then::Ignore)),
];

/// What the services are, as far as their commands tell, and who depends on whom.
struct World {
    rig: Rig,
    dependencies: Vec<Vec<Edge>>,
    settings: Vec<ServiceSettings>,
    alive: Vec<bool>,
    started: Vec<bool>,
    asked: Vec<bool>,
    up: Vec<bool>,
    /// Has been, and was not taken down on its own since.
    was_up: Vec<bool>,
    /// To be kept for another run, as far as its task was told.
    keeps: Vec<bool>,
    /// The same, at some time of this run: its task may have heard of that last.
    may_keep: Vec<bool>,
    failed: Vec<bool>,
    states: Vec<State>,
    has_been_up: Vec<bool>,
    up_since: Vec<Option<Instant>>,
    /// The restarts that count for its policy.
    in_a_row: Vec<u32>,
    requested: bool,
    /// When all must be over, once the stop was requested.
    deadline: Option<Instant>,
    limit: Duration,
    rng: Rng,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut world = Self {
            rig: Rig::new([]),
            dependencies: Vec::new(),
            settings: Vec::new(),
            alive: Vec::new(),
            started: Vec::new(),
            asked: Vec::new(),
            up: Vec::new(),
            was_up: Vec::new(),
            keeps: Vec::new(),
            may_keep: Vec::new(),
            failed: Vec::new(),
            states: Vec::new(),
            has_been_up: Vec::new(),
            up_since: Vec::new(),
            in_a_row: Vec::new(),
            requested: false,
            deadline: None,
            limit: Duration::ZERO,
            rng: Rng::with_seed(seed),
        };
        let count = 1 + world.below(12);
        let is_reversed = world.below(2) == 0;
        for service in 0..count {
            let before: Vec<Edge> = (0..service as u32)
                .filter_map(|service| {
                    let kinds = [DependencyKind::After, DependencyKind::Wants];
                    let kind = *kinds.get(world.below(6))?;
                    Some(Edge {
                        service,
                        kind,
                        restarts: kind == DependencyKind::After && world.below(3) == 0,
                    })
                })
                .collect();
            world.dependencies.push(before);
            let choice = world.below(9);
            world.settings.push(KINDS[choice]);
        }
        if is_reversed {
            let mirror = |service: u32| count as u32 - 1 - service;
            world.dependencies.reverse();
            for edge in world.dependencies.iter_mut().flatten() {
                edge.service = mirror(edge.service);
            }
            world.settings.reverse();
        }
        let limits = RegistrySettings {
            deadline: Duration::from_secs(1 + world.below(20) as u64),
            shutdown_delay: Duration::from_secs(world.below(3) as u64),
            ..RegistrySettings::default()
        };
        world.limit = limits.deadline;
        let graph = Arc::new(Graph::new(&world.dependencies));
        world.rig.engine = Engine::new(graph, world.settings.clone(), limits);
        for list in [
            &mut world.alive,
            &mut world.started,
            &mut world.asked,
            &mut world.up,
            &mut world.was_up,
            &mut world.keeps,
            &mut world.may_keep,
            &mut world.failed,
            &mut world.has_been_up,
        ] {
            list.resize(count, false);
        }
        world.states.resize(count, State::New);
        world.in_a_row.resize(count, 0);
        world.up_since.resize(count, None);
        world
    }

    fn below(&mut self, limit: usize) -> usize {
        self.rng.usize(..limit)
    }

    /// One event that a supervisor could report now.
    fn happen(&mut self) {
        let service = self.below(self.dependencies.len());
        let now = self.rig.now;
        match self.below(15) {
            0..=4 if self.started[service] && self.alive[service] => {
                self.rig.engine.ready(service, now);
            }
            5 if self.alive[service] => self.rig.report_failure(service),
            6..=8 if self.alive[service] && self.may_end(service) => {
                self.end(service);
            }
            12..=14 => {
                let wait = Duration::from_millis(self.below(2_000) as u64);
                let _ = self.rig.engine.restart(service, None, now);
                let node = &mut self.rig.engine.nodes[service];
                node.restarts.after = node.restarts.after.map(|_| wait);
            }
            9 => {
                let time = Duration::from_millis(self.below(3_000) as u64);
                self.rig.now += time;
                self.rig.engine.handle_alarms(self.rig.now);
            }
            10 if self.below(8) == 0 => {
                self.request();
                self.rig.engine.requested(now, now, false);
            }
            11 if self.below(8) == 0 => {
                self.request();
                self.rig.engine.stop(now);
            }
            _ => {}
        }
        self.obey();
    }

    /// Its task comes to its end, and hands the service back if it was to be kept.
    fn end(&mut self, service: usize) {
        let is_kept = self.keeps[service] || self.may_keep[service] && self.below(2) == 0;
        self.alive[service] = false;
        self.rig.engine.down(service, is_kept, self.rig.now);
    }

    /// A task ends when it was asked to, or when it is a oneshot that has not failed.
    fn may_end(&self, service: usize) -> bool {
        self.asked[service] || self.settings[service].oneshot && !self.failed[service]
    }

    /// Carries the commands out and checks each.
    fn obey(&mut self) {
        let mut commands = Vec::new();
        self.rig.engine.take_commands(&mut commands);
        for command in commands {
            match command {
                Command::Start(service) => self.start(service),
                Command::Stop(service, times) => self.ask(service, times),
                Command::Move(service, to) => self.move_to(service, to),
                Command::Keep(service, keeps) => {
                    assert!(!keeps || !self.requested, "nothing comes again");
                    self.keeps[service] = keeps;
                    self.may_keep[service] = true;
                    self.was_up[service] = false;
                }
                Command::Discard(service, times) => self.discard(service, times),
                Command::GiveUp(service, _, _) => self.alive[service] = false,
                Command::Removed(_) => panic!("these are no members"),
                Command::SeekLease(_) | Command::EndLease(..) => panic!("none has a lease"),
                Command::Request(_) => {
                    assert!(!self.requested, "one request");
                    self.request();
                }
                Command::Fail(service, _, used_up) => {
                    self.failed[service] = true;
                    if used_up.is_some() {
                        assert_eq!(used_up, Some(MAX));
                        assert_eq!(self.in_a_row(service), MAX, "the budget of {service}");
                    }
                }
                Command::Mend(service, _, planned) => self.mend(service, planned),
                Command::Note(service, _) => assert!(self.keeps[service]),
                Command::StartsAt(_, at) => assert!(at > self.rig.now),
                Command::RestartsWith(..) => assert!(!self.requested),
                Command::ForgetRestarts(service) => self.in_a_row[service] = 0,
                // All are, or were until now.
                Command::AllUp | Command::NotAllUp => {
                    let mut counted = self.settings.iter().zip(&self.up);
                    assert!(
                        counted.all(|(settings, up)| *up || settings.on_failure.ends_ignored())
                    );
                }
                Command::Cut(service) => assert!(self.started[service]),
                Command::End(service) => assert!(self.asked[service]),
                Command::Shorten(service, times) => {
                    assert!(self.asked[service]);
                    self.leaves_a_share(service, Some(times));
                }
                Command::NoteLate(..) => {}
            }
        }
        self.nobody_waits_in_vain();
        self.counters_are_right();
    }

    /// All counters of the engine, made anew from what its nodes are.
    fn counters_are_right(&self) {
        let engine = &self.rig.engine;
        let is_down = |node: &Node| node.life == Life::Gone;
        let has_passed = |node: &Node| is_down(node) && node.has_turn;
        let count =
            |is: &dyn Fn(&Node) -> bool| engine.nodes.iter().filter(|node| is(node)).count();
        assert_eq!(engine.not_up, count(&|node| node.counts() && !node.is_up()));
        if !self.requested {
            assert_eq!(engine.gone, count(&is_down));
        }
        if engine.round.is_some() {
            return;
        }
        assert_eq!(engine.passed, count(&has_passed));
        for (service, node) in engine.nodes.iter().enumerate() {
            let dependents = engine.graph.dependents(service).iter();
            let open = dependents.filter(|edge| !has_passed(&engine.nodes[edge.service as usize]));
            assert_eq!(node.open as usize, open.count(), "open of {service}");
            if self.requested {
                continue;
            }
            let dependencies = engine.graph.dependencies(service).iter();
            let missing = dependencies.filter(|edge| {
                let on = &engine.nodes[edge.service as usize];
                let is_done_without =
                    edge.kind == DependencyKind::Wants && on.state == State::Failed;
                on.readiness != Readiness::Reached && !is_done_without
            });
            assert_eq!(
                node.missing as usize,
                missing.count(),
                "missing of {service}"
            );
        }
    }

    /// What was kept of it is dropped, by a task of its own.
    fn discard(&mut self, service: usize, times: Option<StopTimes>) {
        self.leaves_a_share(service, times);
        assert!(!self.alive[service], "its run is over");
        self.alive[service] = true;
        self.asked[service] = true;
        self.keeps[service] = false;
        self.may_keep[service] = false;
    }

    fn nobody_waits_in_vain(&self) {
        for (service, state) in self.states.iter().enumerate() {
            if *state == State::Waiting && !self.requested {
                let mut list = self.dependencies[service].iter();
                assert!(!list.all(|edge| self.lets_start(*edge)), "{service} waits");
            }
        }
    }

    fn lets_start(&self, edge: Edge) -> bool {
        let to = edge.service as usize;
        self.was_up[to] || edge.kind == DependencyKind::Wants && self.states[to] == State::Failed
    }

    fn start(&mut self, service: usize) {
        assert!(!self.alive[service], "one run at a time");
        assert!(!self.requested, "nothing starts after the request");
        let mut list = self.dependencies[service].iter();
        assert!(list.all(|edge| self.lets_start(*edge)));
        self.started[service] = true;
        self.alive[service] = true;
        self.asked[service] = false;
        self.failed[service] = false;
        self.keeps[service] = false;
        self.may_keep[service] = false;
    }

    fn request(&mut self) {
        self.requested = true;
        self.deadline.get_or_insert(self.rig.now + self.limit);
    }

    /// A quarter of what is left, if anything below is still to be stopped.
    fn leaves_a_share(&self, service: usize, times: Option<StopTimes>) {
        let Some(deadline) = self.deadline else {
            return;
        };
        let end = times.expect("it ends with the deadline").end;
        let left = deadline.saturating_duration_since(self.rig.now);
        let mut below = self.dependencies[service].clone();
        let mut has_others = false;
        while let Some(edge) = below.pop() {
            let index = edge.service as usize;
            has_others |= self.alive[index] && !self.asked[index];
            below.extend(&self.dependencies[index]);
        }
        let kept = if has_others { left / 4 } else { Duration::ZERO };
        assert!(end + kept <= deadline.max(self.rig.now), "{service}");
    }

    fn ask(&mut self, service: usize, times: Option<StopTimes>) {
        self.leaves_a_share(service, times);
        assert!(self.started[service] && self.alive[service] && !self.asked[service]);
        self.asked[service] = true;
        let is_ignored = self.settings[service].on_failure.ends_ignored();
        if self.keeps[service] {
            self.goes_last(service);
            return;
        }
        if self.states[service] == State::Failed && is_ignored {
            return;
        }
        for (dependent, list) in self.dependencies.iter().enumerate() {
            if list.iter().any(|edge| edge.service as usize == service) {
                assert!(!self.alive[dependent], "{dependent} is not down yet");
            }
        }
    }

    /// It is stopped for a restart: those that restart with it are down.
    fn goes_last(&self, service: usize) {
        for (dependent, list) in self.dependencies.iter().enumerate() {
            let restarts = |edge: &&Edge| edge.service as usize == service && edge.restarts;
            if list.iter().find(restarts).is_some() && !self.failed[dependent] {
                assert!(!self.alive[dependent], "{dependent} is not down yet");
            }
        }
    }

    /// Its policy restarts it: it was up before, and its budget is not used up.
    fn mend(&mut self, service: usize, planned: PlannedRestart) {
        assert!(!self.requested, "nothing comes again");
        assert!(self.has_been_up[service], "not a first start");
        let number = self.in_a_row(service) + 1;
        assert_eq!(planned.number, number);
        assert!(number <= MAX);
        self.in_a_row[service] = number;
    }

    /// How many restarts in a row count, for a run that fails now.
    fn in_a_row(&self, service: usize) -> u32 {
        let since = self.up_since[service].filter(|since| self.rig.now - *since >= RESET);
        if since.is_some() {
            0
        } else {
            self.in_a_row[service]
        }
    }

    fn move_to(&mut self, service: usize, to: State) {
        use State::{Backoff, Failed, New, Running, Starting, Stopped, Stopping, Waiting};
        let from = std::mem::replace(&mut self.states[service], to);
        let is_oneshot = self.settings[service].oneshot;
        let is_legal = match (from, to) {
            (New, Waiting)
            | (Waiting, Starting | Failed | Stopped)
            | (Starting | Running, Stopping | Failed)
            | (Stopping, Stopped | Failed)
            | (Backoff, Waiting | Starting | Stopped | Failed) => true,
            (Stopping, Backoff) => self.may_keep[service],
            (Starting, Running) => !is_oneshot,
            (Starting, Stopped) => is_oneshot,
            _ => false,
        };
        assert!(is_legal, "{from} to {to}");
        self.up[service] = to == Running || from == Starting && to == Stopped;
        self.has_been_up[service] |= to == Running;
        self.up_since[service] = match to {
            Running => Some(self.rig.now),
            Starting => None,
            _ => self.up_since[service],
        };
        self.was_up[service] |= self.up[service];
    }

    /// Every service obeys, so the walk must end.
    fn settle(&mut self) {
        self.request();
        self.rig.engine.stop(self.rig.now);
        self.obey();
        for _ in 0..10_000 {
            if self.rig.engine.is_over() {
                break;
            }
            let asked = (0..self.dependencies.len())
                .find(|&service| self.asked[service] && self.alive[service]);
            if let Some(service) = asked {
                self.end(service);
            } else {
                let alarm = self.rig.engine.next_alarm();
                let alarm = alarm.expect("somebody is waited for");
                self.rig.now = alarm.max(self.rig.now);
                self.rig.engine.handle_alarms(self.rig.now);
            }
            self.obey();
        }
        assert!(self.rig.engine.is_over(), "it never ends");
        assert!(self.alive.iter().all(|alive| !alive));
        assert!(self.states.iter().all(|state| state.is_final()));
    }
}

#[test]
fn whatever_happens_in_whatever_order_every_walk_is_legal_and_ends() {
    for seed in 1..=5_000 {
        let mut world = World::new(seed);
        world.rig.engine.begin(world.rig.now);
        world.obey();
        for _ in 0..world.below(120) {
            world.happen();
        }
        world.settle();
    }
}
