//! What must hold of every history.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use lifecycle::{OnLate, State};

use super::plan::{Kind, Order, Shape};
use super::play::{History, name};
use super::tape::{Line, Mark, Part};

/// What the histories had in them: a test that sees none of it proves nothing.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    runs: usize,
    restarts: usize,
    drains: usize,
    waited: usize,
    members: usize,
    nested: usize,
    jobs: usize,
    late: usize,
    clean: usize,
}

pub(crate) fn check(history: &History) -> Seen {
    history.nothing_is_left();
    history.health_was_told_truly();
    history.the_outcome_is_right();
    history.nothing_starts_after_the_request();
    for (actor, lines) in history.by_actor() {
        one_run_at_a_time(&actor, &lines);
        each_completed_startup_has_one_drain(&actor, &lines);
    }
    for service in 0..history.plan.services.len() {
        history.moves_are_legal(&name(service));
        history.its_runs_are_counted(service);
        history.it_stops_after_its_dependents(service);
        history.what_restarts_with_it_is_down_before_it_drains(service);
    }
    history.members_of_one_key_are_never_two();
    history.seen()
}

impl History {
    fn by_actor(&self) -> BTreeMap<String, Vec<&Line>> {
        let mut by_actor: BTreeMap<String, Vec<&Line>> = BTreeMap::new();
        for line in &self.lines {
            by_actor
                .entry(line.actor.to_string())
                .or_default()
                .push(line);
        }
        by_actor
    }

    /// The lines of a service: its own, or those of what is inside it, each with its place.
    fn lines_of(&self, service: usize) -> impl Iterator<Item = (usize, &Line)> {
        let own = name(service);
        let inside = format!("{own}/");
        let lines = self.lines.iter().enumerate();
        lines.filter(move |(_, line)| *line.actor == *own || line.actor.starts_with(&inside))
    }

    fn moves_of(&self, name: &str) -> impl Iterator<Item = (Duration, State, State)> {
        let of_it = self.moves.iter().filter(move |(_, to)| to.name == *name);
        of_it.map(|(at, to)| (*at, to.from, to.to))
    }

    fn nothing_is_left(&self) {
        assert_eq!(self.afterwards, 0, "something goes on after the end");
        assert_eq!(self.tasks_left, 0, "tasks are left");
        let mut open = BTreeSet::new();
        for line in &self.lines {
            let key = (line.actor.clone(), line.run, line.part as u8);
            if line.mark == Mark::Begun {
                assert!(open.insert(key), "{line} beside itself");
            } else {
                assert!(open.remove(&key), "{line} never began");
            }
        }
        assert!(open.is_empty(), "never ended: {open:?}");
        for status in &self.states {
            // A registry that was never started has started nothing inside it.
            let is_untouched = status.state == State::New && status.name.contains('/');
            assert!(
                status.state.is_final() || is_untouched,
                "{} ends {}",
                status.name,
                status.state
            );
        }
    }

    fn health_was_told_truly(&self) {
        assert!(self.false_health.is_empty(), "{:#?}", self.false_health);
    }

    fn the_outcome_is_right(&self) {
        let late = self.outcome.laggards();
        for laggard in late {
            let lingers = self.lines.iter().any(|line| {
                shown(&line.actor) == *laggard.service
                    && (line.part, line.mark) == (Part::Work, Mark::Cut)
            });
            assert!(lingers, "{laggard}");
        }
        let is_late = late.iter().any(|late| late.on_late == OnLate::Fail);
        let has_failed = self.states.iter().any(|status| {
            let is_own = !status.name.contains('/');
            is_own && status.state == State::Failed && status.counts()
        });
        let is_unclean = has_failed || is_late;
        assert_eq!(self.outcome.exit_code() != 0, is_unclean, "the exit code");
    }

    fn nothing_starts_after_the_request(&self) {
        let begins = |line: &&Line| line.part.is_first() && line.mark == Mark::Begun;
        for line in self.lines.iter().filter(begins) {
            assert!(line.at <= self.requested, "{line} after the request");
        }
    }

    fn moves_are_legal(&self, name: &str) {
        use State::{
            Backoff, Disabled, Failed, New, Running, Starting, Stopped, Stopping, Waiting,
        };
        let is_job = self.is_job(name);
        let mut state = New;
        for (at, from, to) in self.moves_of(name) {
            assert_eq!(from, state, "{name} at {at:?}");
            state = to;
            // A oneshot in the background is done, or dropped.
            let is_legal = is_job && matches!(from, Starting | Running) && to == Stopped
                || matches!(
                    (from, to),
                    (New, Waiting | Disabled)
                        | (Waiting, Starting | Failed | Stopped)
                        | (Starting, Running | Stopping | Failed)
                        | (Running, Stopping | Failed)
                        | (Stopping, Stopped | Failed | Backoff)
                        | (Backoff, Starting | Waiting | Failed | Stopped)
                );
            assert!(is_legal, "{name}: {from} -> {to} at {at:?}");
        }
    }

    fn is_job(&self, own: &str) -> bool {
        let mut services = self.plan.services.iter().enumerate();
        services.any(|(place, planned)| {
            name(place) == own && matches!(planned.kind, Kind::Actor(Shape::Background, _))
        })
    }

    /// Each restart that the status counts is another run, but for one that a stop or a failed dependency has
    /// cancelled.
    fn its_runs_are_counted(&self, service: usize) {
        let own = name(service);
        let status = self.states.iter().find(|status| status.name == *own);
        let status = status.expect("it is registered");
        let entered = |state| self.moves_of(&own).filter(|(.., to)| *to == state).count() as u64;
        let starts = entered(State::Starting);
        let restarts = status.restarts;
        assert!(
            starts <= restarts + 1 && restarts <= starts,
            "{own}: {starts} starts, {restarts} restarts"
        );
        // A restart that a stop has overtaken was under way before the service was down.
        assert!(entered(State::Backoff) <= restarts, "{own}");
    }

    /// At the stop of the application. What was not running before has been asked already, and what has failed
    /// drains at once or in its turn, as its policy says.
    fn it_stops_after_its_dependents(&self, service: usize) {
        // The end of a registry or a group stops what is inside.
        if !self.goes_down_in_its_turn(&name(service)) {
            return;
        }
        let drain = self.lines_of(service).find(|(_, line)| {
            line.at >= self.requested
                && (line.part, line.mark) == (Part::Drain, Mark::Begun)
                && self.goes_down_in_its_turn(&line.actor)
        });
        let Some((place, drain)) = drain else { return };
        for dependent in self.dependents(service) {
            let last = self.lines_of(dependent).last();
            assert!(
                last.is_none_or(|(last, _)| last < place),
                "{drain} before {} was down",
                name(dependent)
            );
        }
    }

    /// It, and all that is around it.
    fn goes_down_in_its_turn(&self, actor: &str) -> bool {
        let shown = shown(actor);
        let ends = shown.match_indices('/').map(|(end, _)| end);
        let mut around = ends.chain([shown.len()]).map(|end| &shown[..end]);
        around.all(|path| self.goes_down_by_the_request(path))
            && !self.is_ordered_down(actor, &shown)
            && !self.has_failed_at_the_request(actor)
    }

    fn goes_down_by_the_request(&self, path: &str) -> bool {
        let mut moves = self.moves_of(path);
        let before = moves.by_ref().take_while(|(at, ..)| *at < self.requested);
        let was_running = before.last().is_some_and(|(.., to)| to == State::Running);
        // What backs off was asked to stop for a restart, before the request.
        let is_another = self.moves_of(path).any(|(at, _, to)| {
            at >= self.requested && matches!(to, State::Failed | State::Backoff)
        });
        was_running && !is_another
    }

    fn is_ordered_down(&self, actor: &str, shown: &str) -> bool {
        self.plan.orders.iter().any(|(at, order)| match order {
            Order::Remove(group, key) => {
                *at >= self.requested && is_within(shown, &format!("{}/{key}", name(*group)))
            }
            // Which of the two came first does not show.
            Order::Restart(service) => *at == self.requested && actor.starts_with(&name(*service)),
            Order::RestartMember(..) => *at == self.requested,
            Order::Add(..) | Order::Reload => false,
        })
    }

    /// It, or what it restarts with: it may be on its way down for that, and not for the request.
    fn has_failed_at_the_request(&self, actor: &str) -> bool {
        self.lines.iter().any(|line| {
            line.at == self.requested
                && line.mark == Mark::Failed
                && (*line.actor == *actor || self.restarts_with(actor, &line.actor))
        })
    }

    /// Whether the first of the two actors is in a service that restarts with the other one.
    fn restarts_with(&self, actor: &str, other: &str) -> bool {
        let services = 0..self.plan.services.len();
        let service_of = |actor| {
            let mut services = services.clone();
            services.find(|service| is_within(actor, &name(*service)))
        };
        let (Some(service), Some(other)) = (service_of(actor), service_of(other)) else {
            return false;
        };
        let mut reached = vec![service];
        // Dependencies come before their dependents.
        for place in services.rev() {
            if reached.contains(&place) {
                reached.extend(&self.plan.services[place].restart_with);
            }
        }
        service != other && reached.contains(&other)
    }

    /// All that need it or want it, directly or further on.
    fn dependents(&self, service: usize) -> Vec<usize> {
        let mut reached = vec![service];
        // Dependencies come before their dependents.
        for (place, planned) in self.plan.services.iter().enumerate().skip(service + 1) {
            let mut below = planned.after.iter().chain(&planned.wants);
            let is_above_all = service < self.plan.base && place >= self.plan.base;
            if is_above_all || below.any(|below| reached.contains(below)) {
                reached.push(place);
            }
        }
        reached.split_off(1)
    }

    /// Directly: what restarts with that has its own turn to be checked.
    fn what_restarts_with_it_is_down_before_it_drains(&self, service: usize) {
        let all = self.plan.services.iter().enumerate();
        let with: Vec<_> = all
            .filter(|(_, planned)| planned.restart_with.contains(&service))
            .map(|(dependent, _)| dependent)
            .collect();
        let own = name(service);
        // The first part of what is inside it that drains tells when it drains.
        let downs = self
            .moves_of(&own)
            .filter(|(_, _, to)| *to == State::Backoff);
        let mut after = Duration::ZERO;
        for (down, ..) in downs {
            let drain = self.lines_of(service).find(|(_, line)| {
                line.part == Part::Drain
                    && line.mark == Mark::Begun
                    && (after..=down).contains(&line.at)
                    && self.is_the_last_drain(service, line, down)
            });
            after = down;
            let Some((place, drain)) = drain else {
                continue;
            };
            for &dependent in &with {
                let open = self.open_at(dependent, place);
                assert_eq!(open, 0, "{drain} before {} was down", name(dependent));
            }
        }
    }

    /// Of an actor: the drain of the run that has ended at this instant.
    fn is_the_last_drain(&self, service: usize, line: &Line, down: Duration) -> bool {
        matches!(self.plan.services[service].kind, Kind::Actor(..))
            && self.lines.iter().any(|end| {
                end.actor == line.actor
                    && end.run == line.run
                    && end.part == Part::Drain
                    && end.mark != Mark::Begun
                    && end.at == down
            })
    }

    /// How many parts of the service are under way at this place.
    fn open_at(&self, service: usize, place: usize) -> usize {
        let before = self.lines_of(service).filter(|(at, _)| *at < place);
        before.fold(0, |open, (_, line)| match line.mark {
            Mark::Begun => open + 1,
            _ => open - 1,
        })
    }

    fn members_of_one_key_are_never_two(&self) {
        let mut under_way: BTreeMap<&str, (&str, usize)> = BTreeMap::new();
        for line in &self.lines {
            let Some((key, number)) = line.actor.split_once('#') else {
                continue;
            };
            let number = number.split('/').next().unwrap_or_default();
            let (member, open) = under_way.entry(key).or_insert((number, 0));
            assert!(
                *open == 0 || *member == number,
                "{line} while {member} was there"
            );
            *member = number;
            *open = match line.mark {
                Mark::Begun => *open + 1,
                _ => *open - 1,
            };
        }
    }

    fn seen(&self) -> Seen {
        let count = |part| {
            let begins = |line: &&Line| line.part == part && line.mark == Mark::Begun;
            self.lines.iter().filter(begins).count()
        };
        let is_nested = |line: &&Line| line.actor.contains("/c");
        Seen {
            runs: count(Part::Startup),
            drains: count(Part::Drain),
            restarts: self.outcome.restarted().count(),
            waited: self
                .moves
                .iter()
                .filter(|(_, to)| to.from == State::Backoff && to.to == State::Waiting)
                .count(),
            members: self.added,
            nested: self.lines.iter().filter(is_nested).count(),
            jobs: count(Part::Job),
            late: self.outcome.laggards().len(),
            clean: usize::from(self.outcome.exit_code() == 0),
        }
    }
}

/// The name that the service of this actor has.
fn shown(actor: &str) -> String {
    let Some((key, number)) = actor.split_once('#') else {
        return actor.to_owned();
    };
    let within = number.find('/').map_or("", |at| &number[at..]);
    format!("{key}{within}")
}

fn is_within(path: &str, outer: &str) -> bool {
    let rest = path.strip_prefix(outer);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn one_run_at_a_time(actor: &str, lines: &[&Line]) {
    let (mut run, mut open, mut drained) = (0, 0, false);
    for line in lines {
        if line.mark == Mark::Begun {
            if line.part.is_first() {
                assert_eq!(open, 0, "{line} beside the run before it");
                assert_eq!(line.run, run + 1, "{actor}");
                (run, drained) = (line.run, false);
            }
            if line.part == Part::Drain {
                assert_eq!(open, 0, "{line} beside something");
                drained = true;
            }
            assert!(
                !drained || line.part == Part::Drain,
                "{line} after the drain"
            );
            open += 1;
        } else {
            open -= 1;
        }
        assert_eq!(line.run, run, "{line} of another run");
    }
}

fn each_completed_startup_has_one_drain(actor: &str, lines: &[&Line]) {
    let runs = lines.iter().map(|line| line.run).max().unwrap_or_default();
    for run in 1..=runs {
        let count = |part, mark| {
            let is_it = |line: &&&Line| line.run == run && line.part == part && line.mark == mark;
            lines.iter().filter(is_it).count()
        };
        let owed = count(Part::Startup, Mark::Done);
        assert_eq!(count(Part::Drain, Mark::Begun), owed, "{actor}, run {run}");
        assert_eq!(count(Part::Drain, Mark::Cut), 0, "{actor}, run {run}");
    }
}

impl Seen {
    pub(crate) fn add(&mut self, more: &Self) {
        self.runs += more.runs;
        self.restarts += more.restarts;
        self.drains += more.drains;
        self.waited += more.waited;
        self.members += more.members;
        self.nested += more.nested;
        self.jobs += more.jobs;
        self.late += more.late;
        self.clean += more.clean;
    }

    /// There was enough of everything.
    pub(crate) fn enough(&self) {
        let Self {
            runs,
            restarts,
            drains,
            waited,
            members,
            nested,
            jobs,
            late,
            clean,
        } = *self;
        let least = [
            runs, restarts, drains, waited, members, nested, jobs, late, clean,
        ];
        assert!(least.iter().all(|count| *count > 50), "{self:?}");
    }
}
