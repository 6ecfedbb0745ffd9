//! The engine alone: events and instants in, commands out, as text.

use super::graph::DependencyKind;
use super::*;
use crate::report::error::Fault;
use crate::report::name::Name;
use crate::report::restart::Restart;
use crate::report::status::{OnFailure, OnLate};

mod cost;
mod disabled;
mod late;
mod policy;
mod restarting;
mod rounds;
mod stopping;
mod walk;
mod wants;

const IGNORE: ServiceSettings = ServiceSettings {
    on_failure: OnFailure::Ignore,
    ..SETTINGS
};

const ONESHOT: ServiceSettings = ServiceSettings {
    oneshot: true,
    start_timeout: None,
    ..SETTINGS
};

/// The defaults, but with a stop timeout whose quarters are whole seconds.
const SETTINGS: ServiceSettings = ServiceSettings {
    start_timeout: Some(Duration::from_secs(90)),
    stop_timeout: Duration::from_secs(8),
    on_failure: OnFailure::Shutdown,
    on_late: OnLate::Fail,
    oneshot: false,
    registry: false,
    disabled: false,
    leased: false,
};

/// The usual settings with this policy.
const fn with_policy(policy: Restart) -> ServiceSettings {
    ServiceSettings {
        on_failure: OnFailure::Restart(policy),
        ..SETTINGS
    }
}

/// A failure in words.
fn said_of(service: usize, failure: &Failure) -> String {
    match failure {
        Failure::Reported(_) => format!("{service} fails"),
        Failure::StartTimeout(limit) => format!("{service} fails after {limit:?}"),
        Failure::Dependency(root) => format!("{service} fails with {root}"),
    }
}

/// An engine and a clock that is set by hand.
struct Rig {
    engine: Engine,
    origin: Instant,
    now: Instant,
}

impl Rig {
    /// Service `i` depends on `after[i]`.
    fn new<const N: usize>(services: [(ServiceSettings, &[u32]); N]) -> Self {
        Self::within(RegistrySettings::default(), services)
    }

    fn within<const N: usize>(
        limits: RegistrySettings,
        services: [(ServiceSettings, &[u32]); N],
    ) -> Self {
        Self::of(
            limits,
            services.map(|(settings, after)| (settings, after, &[][..])),
        )
    }

    /// Each with those that it needs, and whether it restarts with them.
    fn together<const N: usize>(services: [(ServiceSettings, &[u32], bool); N]) -> Self {
        let edges = services.map(|(_, after, restarts)| {
            let edge = |&service: &u32| Edge {
                service,
                kind: DependencyKind::After,
                restarts,
            };
            after.iter().map(edge).collect()
        });
        let mut rig = Self::new(services.map(|(settings, after, _)| (settings, after)));
        let settings = services.map(|(settings, ..)| settings);
        let graph = Arc::new(Graph::new(&edges));
        rig.engine = Engine::new(graph, settings, RegistrySettings::default());
        rig
    }

    /// Each with those that it needs, and those that it only wants.
    fn wanting<const N: usize>(services: [(ServiceSettings, &[u32], &[u32]); N]) -> Self {
        Self::of(RegistrySettings::default(), services)
    }

    fn of<const N: usize>(
        limits: RegistrySettings,
        services: [(ServiceSettings, &[u32], &[u32]); N],
    ) -> Self {
        let edge = |kind| {
            move |&service: &u32| Edge {
                service,
                kind,
                restarts: false,
            }
        };
        let dependencies = services.map(|(_, after, wants)| {
            let wants = wants.iter().map(edge(DependencyKind::Wants));
            after
                .iter()
                .map(edge(DependencyKind::After))
                .chain(wants)
                .collect()
        });
        let settings = services.map(|(settings, ..)| settings);
        let origin = Instant::now();
        Self {
            engine: Engine::new(Arc::new(Graph::new(&dependencies)), settings, limits),
            origin,
            now: origin,
        }
    }

    /// Started, and every service ready.
    fn up(mut self) -> Self {
        self.begin();
        for service in 0..self.engine.nodes.len() {
            self.engine.ready(service, self.now);
        }
        self.said();
        self
    }

    fn begin(&mut self) -> Vec<String> {
        self.engine.begin(self.now);
        self.said()
    }

    fn ready(&mut self, service: usize) -> Vec<String> {
        self.engine.ready(service, self.now);
        self.said()
    }

    fn down(&mut self, service: usize) -> Vec<String> {
        self.engine.down(service, false, self.now);
        self.said()
    }

    /// Its task hands it back.
    fn down_kept(&mut self, service: usize) -> Vec<String> {
        self.engine.down(service, true, self.now);
        self.said()
    }

    /// Restarts it that many seconds after it is down.
    fn restart(&mut self, service: usize, wait: u64) -> Vec<String> {
        let wait = Duration::from_secs(wait);
        if self.engine.restart(service, None, self.now).is_ok() {
            self.engine.nodes[service].restarts.after = Some(wait);
        }
        let mut said = self.said();
        said.retain(|said| !said.ends_with("by hand"));
        said
    }

    fn fail(&mut self, service: usize) -> Vec<String> {
        self.report_failure(service);
        self.said()
    }

    /// The commands stay in the engine.
    fn report_failure(&mut self, service: usize) {
        let (name, after) = (Name::from("s"), Duration::ZERO);
        let error = ServiceError::new(name, Phase::Run, Fault::ExitedEarly, after);
        self.engine
            .failed(service, Failure::Reported(error), self.now);
    }

    fn stop(&mut self) -> Vec<String> {
        self.engine.stop(self.now);
        self.said()
    }

    /// Lets the time pass up to this second, handling each alarm when it is due.
    fn until(&mut self, second: u64) -> Vec<String> {
        let end = self.origin + Duration::from_secs(second);
        while let Some(alarm) = self.engine.next_alarm().filter(|alarm| *alarm <= end) {
            self.now = alarm;
            self.engine.handle_alarms(alarm);
        }
        self.now = end;
        self.said()
    }

    fn said(&mut self) -> Vec<String> {
        self.parts().concat()
    }

    /// Its commands in words, list by list.
    fn parts(&mut self) -> Vec<Vec<String>> {
        let mut parts = Vec::new();
        loop {
            let mut commands = Vec::new();
            self.engine.take_commands(&mut commands);
            if commands.is_empty() {
                return parts;
            }
            let words = commands.iter().filter_map(|command| self.words(command));
            parts.push(words.collect());
        }
    }

    /// `None` for the instant of a start, which has a random part.
    fn words(&self, command: &Command) -> Option<String> {
        Some(match command {
            Command::Move(service, to) => format!("{service} {to}"),
            Command::Start(service) => format!("start {service}"),
            Command::Stop(service, None) => format!("stop {service}"),
            Command::Stop(service, Some(StopTimes { end: by, .. })) => {
                format!("stop {service} by {:?}", *by - self.origin)
            }
            Command::Keep(service, true) => format!("keep {service}"),
            Command::Keep(service, false) => format!("let {service} go"),
            Command::Discard(service, None) => format!("discard {service}"),
            Command::Discard(service, Some(StopTimes { end: by, .. })) => {
                format!("discard {service} by {:?}", *by - self.origin)
            }
            Command::NotAllUp => "not all up".to_owned(),
            Command::Shorten(service, StopTimes { end: by, .. }) => {
                format!("shorten {service} to {:?}", *by - self.origin)
            }
            Command::Cut(service) => format!("cut {service}"),
            Command::End(service) => format!("end {service}"),
            Command::GiveUp(service, had, _) => format!("give up {service} after {had:?}"),
            Command::Fail(service, failure, None) => said_of(*service, failure),
            Command::Fail(service, failure, Some(restarts)) => {
                format!("{}, gives up after {restarts}", said_of(*service, failure))
            }
            Command::Mend(service, failure, PlannedRestart { number, limit, .. }) => {
                let limit = limit.map_or("many".to_owned(), |limit| limit.to_string());
                format!(
                    "{}: restart {number} of {limit}",
                    said_of(*service, failure)
                )
            }
            Command::Note(service, failure) => format!("{} again", said_of(*service, failure)),
            Command::StartsAt(..) => return None,
            Command::RestartsWith(service, None) => format!("{service} by hand"),
            Command::RestartsWith(service, Some(other)) => format!("{service} with {other}"),
            Command::ForgetRestarts(service) => format!("forget restarts of {service}"),
            Command::NoteLate(service, phase, had, OnLate::Fail) => {
                format!("{service} late in {phase}: {had:?}")
            }
            Command::NoteLate(service, phase, had, OnLate::Ignore) => {
                format!("{service} late in {phase}, ignored: {had:?}")
            }
            Command::AllUp => "all up".to_owned(),
            Command::SeekLease(service) => format!("seek the lease of {service}"),
            Command::EndLease(service, true) => format!("give back the lease of {service}"),
            Command::EndLease(service, false) => format!("let the lease of {service} end"),
            Command::Removed(member) => format!("{member} removed"),
            Command::Request(StopCause::Failed(service)) => format!("request: {service} failed"),
            Command::Request(StopCause::Finished) => "request: finished".to_owned(),
        })
    }
}

#[test]
fn only_services_without_dependencies_start_at_the_beginning() {
    let mut rig = Rig::new([(SETTINGS, &[]), (SETTINGS, &[0]), (SETTINGS, &[])]);
    assert_eq!(
        rig.begin(),
        [
            "0 waiting",
            "1 waiting",
            "2 waiting",
            "0 starting",
            "start 0",
            "2 starting",
            "start 2"
        ]
    );
    assert_eq!(rig.ready(0), ["0 running", "1 starting", "start 1"]);
    assert_eq!(rig.ready(2), ["2 running"]);
    assert_eq!(rig.ready(1), ["1 running", "all up"]);
}

#[test]
fn ready_counts_once_and_only_while_starting() {
    let mut rig = Rig::new([(SETTINGS, &[]), (SETTINGS, &[0])]);
    rig.begin();
    rig.ready(0);
    assert_eq!(rig.ready(0), [""; 0]);
    rig.fail(1);
    assert_eq!(rig.ready(1), [""; 0], "a failed service is never up");
}

#[test]
fn a_oneshot_is_up_when_it_is_done_not_when_it_says_so() {
    let mut rig = Rig::new([(ONESHOT, &[]), (SETTINGS, &[0])]);
    rig.begin();
    assert_eq!(rig.ready(0), [""; 0]);
    assert_eq!(rig.down(0), ["0 stopped", "1 starting", "start 1"]);
    assert_eq!(rig.ready(1), ["1 running", "all up"]);
}

#[test]
fn a_oneshot_that_never_ran_is_never_up() {
    let mut rig = Rig::new([(SETTINGS, &[]), (ONESHOT, &[0])]);
    rig.begin();
    rig.stop();
    let said = rig.down(0);
    assert!(!said.contains(&"all up".to_owned()), "{said:?}");
    assert!(rig.engine.is_over());
}

#[test]
fn a_failure_before_ready_fails_all_who_wait_before_anything_else_happens() {
    let mut rig = Rig::new([
        (SETTINGS, &[]),
        (SETTINGS, &[0]),
        (SETTINGS, &[1]),
        (SETTINGS, &[]),
    ]);
    rig.begin();
    assert_eq!(
        rig.fail(0),
        [
            "0 fails",
            "0 failed",
            "1 fails with 0",
            "1 failed",
            "2 fails with 0",
            "2 failed",
            "request: 0 failed"
        ]
    );
}

#[test]
fn a_failure_after_ready_is_no_concern_of_the_dependents() {
    let mut rig = Rig::new([(SETTINGS, &[]), (SETTINGS, &[0])]).up();
    assert_eq!(rig.fail(0), ["0 fails", "0 failed", "request: 0 failed"]);
    assert_eq!(rig.fail(0), ["0 fails"], "only noted");
    assert_eq!(rig.stop(), ["1 stopping", "stop 1 by 8s"]);
    assert_eq!(rig.down(1), ["1 stopped", "stop 0 by 8s"]);
    assert_eq!(rig.down(0), [""; 0]);
    assert!(rig.engine.is_over());
}

#[test]
fn under_ignore_a_failure_is_asked_to_stop_at_once_and_requests_nothing() {
    let mut rig = Rig::new([(IGNORE, &[]), (SETTINGS, &[0])]).up();
    assert_eq!(rig.fail(0), ["0 fails", "0 failed", "stop 0 by 8s"]);
    assert_eq!(rig.down(0), [""; 0]);
    assert_eq!(rig.stop(), ["1 stopping", "stop 1 by 8s"]);
    assert_eq!(rig.down(1), ["1 stopped"]);
    assert!(rig.engine.is_over());
}

#[test]
fn when_all_have_ended_by_themselves_the_application_is_finished() {
    let mut rig = Rig::new([(ONESHOT, &[]), (IGNORE, &[])]);
    rig.begin();
    rig.down(0);
    rig.fail(1);
    assert_eq!(rig.down(1), ["request: finished"]);
    assert!(!rig.engine.is_over(), "its owner has not stopped it");
    assert_eq!(rig.stop(), [""; 0]);
    assert!(rig.engine.is_over());
}

#[test]
fn nothing_starts_once_a_stop_was_requested() {
    let mut rig = Rig::new([(SETTINGS, &[]), (SETTINGS, &[0])]);
    rig.begin();
    rig.engine.requested(rig.now, rig.now, false);
    assert_eq!(rig.ready(0), ["0 running"]);
    assert_eq!(rig.stop(), ["1 stopped", "0 stopping", "stop 0 by 8s"]);
}

#[test]
fn a_start_timeout_fails_the_service_and_drops_its_start() {
    let mut rig = Rig::new([(SETTINGS, &[])]);
    rig.begin();
    assert_eq!(rig.until(89), [""; 0]);
    assert_eq!(
        rig.until(90),
        [
            "0 fails after 90s",
            "0 failed",
            "request: 0 failed",
            "cut 0"
        ]
    );
    rig.engine.late(0, Phase::Startup, rig.now);
    assert_eq!(rig.said(), [""; 0], "it failed, it was not late");
}

#[test]
fn a_oneshot_whose_start_timeout_is_written_fails_and_is_dropped() {
    let settings = ServiceSettings {
        start_timeout: Some(Duration::from_secs(5)),
        ..ONESHOT
    };
    let mut rig = Rig::new([(settings, &[])]);
    rig.begin();
    assert_eq!(
        rig.until(5),
        ["0 fails after 5s", "0 failed", "request: 0 failed", "cut 0"]
    );
    rig.stop();
    for phase in [Phase::Run, Phase::Task, Phase::Startup] {
        rig.engine.late(0, phase, rig.now);
        assert_eq!(rig.said(), [""; 0], "it failed, it was not late");
    }
}

#[test]
fn what_is_up_or_a_oneshot_has_no_start_timeout_by_default() {
    let mut rig = Rig::new([(SETTINGS, &[]), (ONESHOT, &[])]);
    rig.begin();
    rig.ready(0);
    assert_eq!(rig.engine.next_alarm(), None, "the alarm of 0 is stale");
    assert_eq!(rig.until(1_000), [""; 0]);
}
