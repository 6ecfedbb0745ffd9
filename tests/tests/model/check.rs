//! What must hold of every run, whatever the plan: rules 5 to 22 as invariants over a record.

use std::time::Duration;

use lifecycle::{Fault, Laggard, Outcome, Reason, State, Transition};
use lifecycle_tests::{Act, End, Entry, millis, secs};

use super::plan::{Kind, Plan, Planned, name};
use super::record::Record;

/// A plan and what came of it.
pub(crate) struct View<'a> {
    plan: &'a Plan,
    record: &'a Record,
}

pub(crate) fn check(plan: &Plan, record: &Record) {
    let view = View { plan, record };
    view.nothing_is_left();
    view.the_deadline_is_kept();
    view.it_is_healthy_when_all_that_count_are_up();
    for service in 0..plan.services.len() {
        view.moves_are_legal(service);
        view.it_starts_after_its_dependencies_and_at_once(service);
        view.a_failed_start_fails_dependents(service);
        view.it_drains_once_and_alone(service);
        view.it_stops_after_its_dependents(service);
        view.a_hung_loop_is_dropped_at_three_quarters(service);
        view.its_drain_has_its_share(service);
        view.its_status_is_true(service);
    }
    if let Some(outcome) = &record.outcome {
        view.the_first_cause_comes_first(outcome);
        view.what_was_dropped_is_named(outcome);
        view.an_end_that_comes_of_the_stop_is_clean(outcome);
        view.the_exit_code_is_right(outcome);
    }
}

impl View<'_> {
    fn nothing_is_left(&self) {
        assert_eq!(self.record.afterwards, 0, "something goes on after the end");
        assert_eq!(self.record.tasks_left, 0, "tasks are left");
        assert_eq!(self.record.false_health, [], "healthy, it said");
        let mut open = Vec::new();
        for entry in &self.record.entries {
            if entry.end.is_none() {
                open.push(&entry.what);
                continue;
            }
            let begun = open.iter().position(|what| **what == entry.what);
            open.swap_remove(begun.expect("a hook ended that never began"));
        }
        assert!(open.is_empty(), "never ended: {open:?}");
    }

    fn the_deadline_is_kept(&self) {
        let Record {
            requested,
            stopped,
            over,
            ..
        } = *self.record;
        let deadline = requested + secs(self.plan.deadline);
        assert!(
            over <= deadline.max(stopped),
            "over at {over:?}, not by {deadline:?}"
        );
    }

    fn moves_are_legal(&self, service: usize) {
        use State::{Disabled, Failed, New, Running, Starting, Stopped, Stopping, Waiting};
        let is_oneshot = self.plan.services[service].kind == Kind::Oneshot;
        let is_background = self.is_in_background(service);
        let is_disabled = self.plan.services[service].is_disabled;
        let mut state = New;
        for (_, to) in self.moves_of(service) {
            assert_eq!(to.from, state, "{to}");
            state = to.to;
            let legal = match (to.from, to.to) {
                (New, Waiting) => !is_disabled,
                (New, Disabled) => is_disabled,
                (Waiting, Starting | Failed | Stopped)
                | (Starting | Running, Stopping | Failed)
                | (Stopping, Stopped | Failed) => true,
                (Starting, Running) => !is_oneshot,
                (Starting, Stopped) => is_oneshot || is_background,
                (Running, Stopped) => is_background,
                _ => false,
            };
            assert!(legal, "{to}");
        }
        assert!(state.is_final(), "{} ends as {state}", name(service));
        assert_eq!(self.record.states[service].state, state);
    }

    fn it_is_healthy_when_all_that_count_are_up(&self) {
        let counted = self.plan.services.iter().enumerate();
        let ready: Option<Vec<_>> = counted
            .filter(|(_, planned)| !planned.is_ignored && !planned.is_disabled)
            .map(|(service, _)| self.ready(service).map(|(_, at)| at))
            .collect();
        let up = ready.map(|all| all.into_iter().max().unwrap_or_default());
        let Record {
            healthy, requested, ..
        } = *self.record;
        match up.filter(|up| *up <= requested) {
            // Which of the two was first does not show.
            Some(up) if up == requested => assert!(healthy.is_none_or(|at| at == up)),
            up => assert_eq!(healthy, up, "healthy, it said"),
        }
    }

    fn it_starts_after_its_dependencies_and_at_once(&self, service: usize) {
        let Planned { after, .. } = &self.plan.services[service];
        let wants = self.plan.wants(service);
        let needed = after.iter().filter_map(|&service| self.ready(service));
        let wanted = wants.iter().filter_map(|&service| {
            let failed = || self.moved(service, State::Failed);
            let disabled = || self.moved(service, State::Disabled);
            self.ready(service).or_else(failed).or_else(disabled)
        });
        let ready: Vec<_> = needed.chain(wanted).collect();
        let last = ready.iter().map(|(_, at)| *at).max().unwrap_or_default();
        let all_ready = ready.len() == after.len() + wants.len();
        let is_disabled = self.plan.services[service].is_disabled;
        let Some((place, started)) = self.moved(service, State::Starting) else {
            assert!(
                is_disabled || !all_ready || last >= self.record.requested,
                "{} did not start",
                name(service)
            );
            assert_eq!(
                self.entries_of(service).count(),
                0,
                "{} was touched",
                name(service)
            );
            return;
        };
        assert!(all_ready, "{} started too early", name(service));
        assert!(
            ready.iter().all(|(ready, _)| *ready < place),
            "{} started too early",
            name(service)
        );
        assert_eq!(started, last, "{} started too late", name(service));
        assert!(
            started <= self.record.requested,
            "{} started after the request",
            name(service)
        );
    }

    fn a_failed_start_fails_dependents(&self, service: usize) {
        let failed = self.moved(service, State::Failed);
        let Some((place, _)) = failed.filter(|_| self.ready(service).is_none()) else {
            return;
        };
        for dependent in self.plan.needing(service) {
            assert!(
                self.moved(dependent, State::Starting).is_none(),
                "{} was started",
                name(dependent)
            );
            let is_untouched = self
                .moves_of(dependent)
                .any(|(at, to)| at < place && to.to.is_final());
            if is_untouched {
                continue;
            }
            let status = &self.record.states[dependent];
            let error = status.error.as_ref().expect("failed for a reason");
            let Fault::Dependency(root) = error.fault() else {
                panic!("{} failed for another reason: {error}", name(dependent));
            };
            let root = root.trim_start_matches('s').parse().unwrap();
            assert!(self.plan.needing(root).contains(&dependent), "{error}");
            assert!(self.ready(root).is_none(), "{error}");
            let text = error.to_string();
            assert!(
                text.contains(&*name(root)) && text.contains(&*name(dependent)),
                "{text}"
            );
        }
    }

    fn it_drains_once_and_alone(&self, service: usize) {
        let count = |what: &str, end| {
            self.entries_of(service)
                .filter(|(_, entry)| part(entry) == what && entry.end == end)
                .count()
        };
        let (owed, drains) = match self.plan.services[service].kind {
            Kind::Oneshot | Kind::Background => (0, "drain"),
            Kind::Custom => (count("start", None), "stop"),
            Kind::Resting => {
                let started = self.moved(service, State::Starting).is_some();
                (usize::from(started), "drain")
            }
            _ => (count("startup", Some(End::Done)), "drain"),
        };
        assert_eq!(count(drains, None), owed, "drains of {}", name(service));
        assert!(owed <= 1);

        let (mut open, mut drained) = (0, false);
        for (_, entry) in self.entries_of(service) {
            let (part, begins) = (part(entry), entry.end.is_none());
            if begins && part == "drain" {
                assert_eq!(open, 0, "{} drained beside something", name(service));
                drained = true;
            }
            if begins && part.starts_with("tick") {
                assert_eq!(
                    open - self.open_tasks(service, entry),
                    0,
                    "{part} of {} beside another",
                    name(service)
                );
            }
            assert!(
                !drained || part == "drain",
                "{part} of {} after the drain",
                name(service)
            );
            open = if begins { open + 1 } else { open - 1 };
        }
    }

    fn it_stops_after_its_dependents(&self, service: usize) {
        let failed = self.moved(service, State::Failed).is_some();
        if failed && self.plan.services[service].is_ignored {
            return;
        }
        let drain = self
            .entries_of(service)
            .find(|(_, entry)| matches!(part(entry), "drain" | "stop"));
        let Some((place, _)) = drain else { return };
        for dependent in self.plan.dependents(service) {
            let last = self.entries_of(dependent).last();
            assert!(
                last.is_none_or(|(last, _)| last < place),
                "{} drained before {} was down",
                name(service),
                name(dependent)
            );
        }
    }

    fn a_hung_loop_is_dropped_at_three_quarters(&self, service: usize) {
        let Some((_, asked)) = self.moved(service, State::Stopping) else {
            return;
        };
        let planned = &self.plan.services[service];
        let deadline = self.record.requested + secs(self.plan.deadline);
        let left = deadline.saturating_sub(asked);
        let share = if self.has_others_below(service) {
            left * 3 / 4
        } else {
            left
        };
        let budget = secs(planned.stop_timeout).min(share);
        let last = self.entries_of(service).last().map(|(_, entry)| entry.at);
        assert!(
            last <= Some(asked + budget + millis(1)),
            "{} took too long",
            name(service)
        );

        let dropped = self.entries_of(service).find(|(_, entry)| {
            let is_loop = part(entry) == "run" || part(entry).starts_with("tick");
            is_loop && entry.end == Some(End::Dropped)
        });
        if self.is_in_background(service) {
            return;
        }
        let quarters = if planned.kind == Kind::Oneshot { 4 } else { 3 };
        if let Some((_, entry)) = dropped {
            let cut = asked + budget * quarters / 4;
            let late = entry.at.checked_sub(cut);
            // The clock wakes at whole milliseconds.
            assert!(
                late.is_some_and(|late| late <= millis(1)),
                "{} at {:?}, not {cut:?}",
                entry.what,
                entry.at
            );
        }
    }

    /// Whether anything it depends on was up, and not asked to stop, when the service itself was.
    fn has_others_below(&self, service: usize) -> bool {
        let Some((asked, _)) = self.moved(service, State::Stopping) else {
            return false;
        };
        let is_up = |&below: &usize| {
            let is_ignored = self.plan.services[below].is_ignored;
            let is_down = self.moves_of(below).any(|(place, to)| {
                let is_asked = to.to == State::Failed && is_ignored;
                place < asked && (to.to == State::Stopped || is_asked)
            });
            self.moved(below, State::Starting).is_some() && !is_down
        };
        self.plan.dependencies(service).iter().any(is_up)
    }

    /// Whatever hangs above it: see [`lifecycle::Registry::deadline`] for the share.
    fn its_drain_has_its_share(&self, service: usize) {
        let planned = &self.plan.services[service];
        let needs = planned
            .drain
            .0
            .iter()
            .try_fold(Duration::ZERO, |sum, act| match act {
                Act::Take(time) => Some(sum + *time),
                Act::Yield | Act::Fail(_) | Act::Panic(_) => Some(sum),
                _ => None,
            });
        // One that failed before has been asked before.
        let (Some(needs), Some((_, asked))) = (needs, self.moved(service, State::Stopping)) else {
            return;
        };
        let left = self.left_at_least(service);
        let share = if self.plan.dependencies(service).is_empty() {
            left
        } else {
            left * 3 / 4
        };
        let drain = secs(planned.stop_timeout).min(share) / 4;
        // A millisecond of the clock for each level.
        if asked < self.record.requested || needs + millis(40) > drain {
            return;
        }
        let is_dropped = self.entries_of(service).any(|(_, entry)| {
            matches!(part(entry), "drain" | "stop") && entry.end == Some(End::Dropped)
        });
        assert!(!is_dropped, "{} has {drain:?} for its drain", name(service));
    }

    /// How much of the deadline is left to the service when its turn comes, whatever those above it do.
    fn left_at_least(&self, service: usize) -> Duration {
        let Record {
            requested, stopped, ..
        } = *self.record;
        let begin = stopped.max(requested + secs(self.plan.delay));
        let whole = (requested + secs(self.plan.deadline)).saturating_sub(begin);
        // Dependents come after their dependencies, so each is known before it is needed.
        let mut left = vec![whole; self.plan.services.len()];
        for above in (service + 1..left.len()).rev() {
            let planned = &self.plan.services[above];
            let used = secs(planned.stop_timeout).min(left[above] * 3 / 4);
            let leaves = left[above].saturating_sub(used);
            for &dependency in planned.after.iter().chain(&self.plan.wants(above)) {
                left[dependency] = left[dependency].min(leaves);
            }
        }
        left[service]
    }

    fn its_status_is_true(&self, service: usize) {
        let status = &self.record.states[service];
        let ticks = |end| {
            self.entries_of(service)
                .filter(|(_, entry)| part(entry).starts_with("tick") && entry.end == Some(end))
                .count() as u64
        };
        let known = status.ticks.clone().unwrap_or_default();
        assert_eq!(known.failures, ticks(End::Failed));
        assert_eq!(known.count, ticks(End::Failed) + ticks(End::Done));
        assert_eq!(
            status.error.is_some(),
            status.state == State::Failed,
            "{status:?}"
        );
        let Some(outcome) = &self.record.outcome else {
            return;
        };
        let first = outcome
            .failures()
            .iter()
            .find(|error| *error.service() == status.name);
        if let Some(first) = first {
            let kept = status.error.as_ref().map(ToString::to_string);
            let is_late = matches!(
                status.error.as_ref().map(lifecycle::ServiceError::fault),
                Some(Fault::Late(_))
            );
            assert!(
                is_late || kept == Some(first.to_string()),
                "{kept:?} is not {first}"
            );
        }
    }

    fn the_first_cause_comes_first(&self, outcome: &Outcome) {
        let fatal = |error: &&lifecycle::ServiceError| {
            !self.plan.services[index(error.service())].is_ignored
        };
        if let Reason::Failure(reason) = outcome.reason() {
            let first = outcome
                .failures()
                .iter()
                .find(fatal)
                .map(ToString::to_string);
            assert_eq!(first, Some(reason.to_string()));
        }
        let failed = self.record.moves.iter().find(|to| to.to == State::Failed);
        if let (Some(failed), [first, ..], []) = (failed, outcome.failures(), outcome.laggards()) {
            assert_eq!(*first.service(), failed.name);
        }
    }

    fn what_was_dropped_is_named(&self, outcome: &Outcome) {
        for service in 0..self.plan.services.len() {
            let timed_out = outcome.failures().iter().any(|error| {
                *error.service() == *name(service)
                    && matches!(error.fault(), Fault::StartTimeout(_))
            });
            let is_dropped =
                |entry: &Entry| entry.end == Some(End::Dropped) && part(entry) != "startup";
            // One in the background is dropped without blame.
            let dropped = self.entries_of(service).any(|(_, entry)| is_dropped(entry))
                && !self.is_in_background(service);
            let is_named = outcome
                .laggards()
                .iter()
                .any(|late| late.service == *name(service));
            assert!(
                !dropped || is_named || timed_out,
                "{} was dropped and is not named",
                name(service)
            );
            assert!(
                !is_named || dropped,
                "{} is named and nothing was dropped",
                name(service)
            );
        }
        for late in outcome.laggards() {
            let limit = secs(self.plan.services[index(&late.service)].stop_timeout);
            assert!(late.had <= limit + millis(1), "{late}");
        }
    }

    /// Whether a service failed because it ended by itself, or because it says that the application is stopping.
    fn an_end_that_comes_of_the_stop_is_clean(&self, outcome: &Outcome) {
        for error in outcome.failures() {
            let has_ended = matches!(error.fault(), Fault::ExitedEarly | Fault::NeverReady);
            assert!(
                !has_ended || error.after() <= self.record.requested,
                "{error}"
            );
            assert!(!error.to_string().contains("is stopping"), "{error}");
        }
    }

    fn the_exit_code_is_right(&self, outcome: &Outcome) {
        let fatal = |error: &lifecycle::ServiceError| {
            !self.plan.services[index(error.service())].is_ignored
        };
        let late = |late: &Laggard| !self.plan.services[index(&late.service)].may_be_late;
        let unclean = outcome.failures().iter().any(fatal) || outcome.laggards().iter().any(late);
        assert_eq!(outcome.exit_code(), u8::from(unclean), "{outcome}");
        let told = outcome.services().iter().map(|status| index(&status.name));
        assert!(told.eq(self.plan.listed()), "in registry order");
    }

    fn is_in_background(&self, service: usize) -> bool {
        self.plan.services[service].kind == Kind::Background
    }

    /// When it was ready, and as which move.
    fn ready(&self, service: usize) -> Option<(usize, Duration)> {
        let is_ready = |to: &Transition| match self.plan.services[service].kind {
            Kind::Oneshot => to.from == State::Starting && to.to == State::Stopped,
            // One that is done at once is never seen running.
            Kind::Background => to.from == State::Starting && to.to != State::Failed,
            _ => to.to == State::Running,
        };
        let found = self.moves_of(service).find(|(_, to)| is_ready(to));
        found.map(|(place, to)| (place, to.at - self.record.origin))
    }

    fn moved(&self, service: usize, state: State) -> Option<(usize, Duration)> {
        let found = self.moves_of(service).find(|(_, to)| to.to == state);
        found.map(|(place, to)| (place, to.at - self.record.origin))
    }

    fn moves_of(&self, service: usize) -> impl Iterator<Item = (usize, &Transition)> {
        let name = name(service);
        let moves = self.record.moves.iter().enumerate();
        moves.filter(move |(_, to)| to.name == *name)
    }

    fn entries_of(&self, service: usize) -> impl Iterator<Item = (usize, &Entry)> {
        let prefix = format!("{}: ", name(service));
        let entries = self.record.entries.iter().enumerate();
        entries.filter(move |(_, entry)| entry.what.starts_with(&prefix))
    }

    /// How many spawned tasks of the service are under way at this entry.
    fn open_tasks(&self, service: usize, until: &Entry) -> i32 {
        let before = self
            .entries_of(service)
            .take_while(|(_, entry)| !std::ptr::eq(*entry, until));
        let tasks = before.filter(|(_, entry)| part(entry) == "task");
        tasks
            .map(|(_, entry)| if entry.end.is_none() { 1 } else { -1 })
            .sum()
    }
}

/// `tick 2`, of `s7: tick 2`.
fn part(entry: &Entry) -> &str {
    entry.what.split_once(": ").map_or("", |(_, part)| part)
}

fn index(name: &str) -> usize {
    name.trim_start_matches('s').parse().unwrap()
}
