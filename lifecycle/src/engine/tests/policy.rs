//! Which failures are mended by another run, how often, and what restarts together.

use super::*;
use crate::engine::restart::Refusal;
use crate::report::error::permanent;
use crate::report::restart::Then;

/// Waits of a second at most, two restarts in a row, forgotten after ten seconds.
const POLICY: Restart = Restart::new()
    .backoff(Duration::from_secs(1), Duration::from_secs(1))
    .max(2)
    .reset(Duration::from_secs(10));

const RESTART: ServiceSettings = with_policy(POLICY);

impl Rig {
    /// From `Running` to `Backoff`.
    fn fails_and_is_down(&mut self, service: usize) -> Vec<String> {
        let mut said = self.fail(service);
        said.extend(self.down_kept(service));
        said
    }

    /// Up again within the next second.
    fn comes_up(&mut self, service: usize) {
        let second = (self.now - self.origin).as_secs() + 1;
        self.until(second);
        let said = self.ready(service);
        assert!(said.contains(&format!("{service} running")), "{said:?}");
    }

    fn reports(&mut self, phase: Phase, fault: Fault) -> Vec<String> {
        let error = ServiceError::new(Name::from("s"), phase, fault, Duration::ZERO);
        self.engine.failed(0, Failure::Reported(error), self.now);
        self.said()
    }
}

#[test]
fn what_fails_after_it_was_up_is_stopped_backs_off_and_is_started_again() {
    let mut rig = Rig::new([(RESTART, &[])]).up();
    assert_eq!(
        rig.fail(0),
        [
            "0 fails: restart 1 of 2",
            "keep 0",
            "not all up",
            "0 stopping",
            "stop 0 by 8s"
        ]
    );
    assert_eq!(rig.fail(0), ["0 fails again"]);
    assert_eq!(rig.down_kept(0), ["0 backoff"]);
    assert_eq!(rig.until(1), ["0 starting", "start 0"]);
    assert_eq!(rig.ready(0), ["0 running", "all up"]);
}

#[test]
fn a_first_start_that_fails_is_final() {
    let mut rig = Rig::new([(RESTART, &[])]);
    rig.begin();
    assert_eq!(rig.fail(0), ["0 fails", "0 failed", "request: 0 failed"]);
}

#[test]
fn a_later_start_that_fails_is_restarted_by_the_budget() {
    let mut rig = Rig::new([(RESTART, &[])]).up();
    rig.fails_and_is_down(0);
    rig.until(1);
    let said = rig.fails_and_is_down(0);
    assert_eq!(said[0], "0 fails: restart 2 of 2");
    rig.until(2);
    assert_eq!(
        rig.fail(0),
        ["0 fails, gives up after 2", "0 failed", "request: 0 failed"]
    );
}

#[test]
fn a_later_start_that_is_not_ready_in_time_is_dropped_and_restarted() {
    let mut rig = Rig::new([(RESTART, &[])]).up();
    rig.fails_and_is_down(0);
    rig.until(1);
    let said = rig.until(91);
    assert_eq!(said[0], "0 fails after 90s: restart 2 of 2");
    assert_eq!(said[1..3], ["keep 0", "0 stopping"]);
    assert_eq!(said.last().map(String::as_str), Some("cut 0"));
    rig.engine.late(0, Phase::Startup, rig.now);
    assert_eq!(rig.down_kept(0), ["0 backoff"], "it is not late");
    rig.comes_up(0);
}

#[test]
fn a_run_that_was_up_for_long_enough_forgets_the_restarts_before() {
    let mut rig = Rig::new([(RESTART, &[])]).up();
    for _ in 0..2 {
        rig.fails_and_is_down(0);
        rig.comes_up(0);
    }
    let up = (rig.now - rig.origin).as_secs();
    assert_eq!(rig.until(up + 9), [""; 0]);
    assert_eq!(rig.until(up + 10), ["forget restarts of 0"]);
    let said = rig.fails_and_is_down(0);
    assert_eq!(said[0], "0 fails: restart 1 of 2");
}

#[test]
fn a_failure_at_the_very_instant_finds_the_restarts_forgotten_and_one_before_does_not() {
    for (millis, which) in [(10_000, "1 of 2"), (9_999, "2 of 2")] {
        let mut rig = Rig::new([(RESTART, &[])]).up();
        rig.fails_and_is_down(0);
        rig.comes_up(0);
        rig.now += Duration::from_millis(millis);
        assert_eq!(rig.fail(0)[0], format!("0 fails: restart {which}"));
    }
}

#[test]
fn forever_never_gives_up() {
    let mut rig = Rig::new([(with_policy(POLICY.forever()), &[])]).up();
    for restart in 1..1_000 {
        let said = rig.fails_and_is_down(0);
        assert_eq!(said[0], format!("0 fails: restart {restart} of many"));
        rig.comes_up(0);
    }
}

#[test]
fn what_has_given_up_under_ignore_is_stopped_and_the_others_go_on() {
    let policy = POLICY.max(1).then(Then::Ignore);
    let mut rig = Rig::new([(with_policy(policy), &[]), (SETTINGS, &[])]).up();
    assert_eq!(
        rig.fail(0),
        [
            "0 fails: restart 1 of 1",
            "keep 0",
            "0 stopping",
            "stop 0 by 8s"
        ],
        "it does not count for readiness"
    );
    rig.down_kept(0);
    rig.comes_up(0);
    let said = rig.fail(0);
    assert_eq!(said[..2], ["0 fails, gives up after 1", "0 failed"]);
    assert_eq!(rig.down(0), [""; 0]);
    assert!(!rig.engine.is_stopping());
}

#[test]
fn what_no_restart_can_mend_is_final_at_once() {
    let marked = || Fault::Error(permanent("wrong password").into());
    let mut rig = Rig::new([(RESTART, &[])]).up();
    let said = rig.reports(Phase::Run, marked());
    assert_eq!(said, ["0 fails", "0 failed", "request: 0 failed"]);

    let mut rig = Rig::new([(RESTART, &[])]).up();
    rig.fail(0);
    let said = rig.reports(Phase::Task, marked());
    assert_eq!(said[..3], ["0 fails", "let 0 go", "0 failed"]);

    let mut rig = Rig::new([(RESTART, &[])]).up();
    let said = rig.reports(Phase::Drain, Fault::Panic("lost".to_owned()));
    assert_eq!(said, ["0 fails", "0 failed", "request: 0 failed"]);
}

#[test]
fn what_was_late_is_not_run_again() {
    let mut rig = Rig::new([(RESTART, &[])]).up();
    rig.fail(0);
    rig.until(6);
    rig.engine.late(0, Phase::Task, rig.now);
    assert_eq!(
        rig.down_kept(0),
        [
            "0 late in task: 6s",
            "0 failed",
            "discard 0 by 14s",
            "request: 0 failed"
        ]
    );
}

#[test]
fn after_the_request_a_failure_is_final() {
    let mut rig = Rig::new([(RESTART, &[])]).up();
    rig.engine.requested(rig.now, rig.now, false);
    assert_eq!(rig.fail(0), ["0 fails", "0 failed"]);
}

#[test]
fn what_needs_one_that_has_failed_for_good_fails_with_it_in_place_of_its_next_start() {
    let mut rig = Rig::new([(IGNORE, &[]), (RESTART, &[0])]).up();
    rig.fail(0);
    rig.down(0);
    rig.fails_and_is_down(1);
    let said = rig.until(1);
    assert_eq!(said[..2], ["1 fails with 0", "1 failed"]);
}

#[test]
fn those_that_restart_with_it_are_stopped_first_and_started_after_it() {
    // 3 -> 2 -> 1 -> 0; 3 does not restart with 2.
    let mut rig = Rig::together([
        (RESTART, &[], false),
        (SETTINGS, &[0], true),
        (SETTINGS, &[1], true),
        (SETTINGS, &[2], false),
    ])
    .up();
    assert_eq!(
        rig.fail(0),
        [
            "0 fails: restart 1 of 2",
            "keep 0",
            "1 with 0",
            "keep 1",
            "2 with 0",
            "keep 2",
            "not all up",
            "0 stopping",
            "2 stopping",
            "stop 2 by 8s"
        ]
    );
    rig.until(1);
    assert_eq!(
        rig.down_kept(2),
        ["2 backoff", "2 waiting", "1 stopping", "stop 1 by 9s"]
    );
    assert_eq!(rig.down_kept(1), ["1 backoff", "1 waiting", "stop 0 by 9s"]);
    assert_eq!(rig.down_kept(0), ["0 backoff"]);
    assert_eq!(rig.until(2), ["0 starting", "start 0"]);
    assert_eq!(rig.ready(0), ["0 running", "1 starting", "start 1"]);
    assert_eq!(rig.ready(1), ["1 running", "2 starting", "start 2"]);
    assert_eq!(rig.ready(2), ["2 running", "all up"]);
}

#[test]
fn a_dependent_goes_first_though_the_way_to_it_leads_through_one_that_stays() {
    // 2 -> 1 -> 0 and 2 -> 0: 1 stays.
    let mut rig = Rig::together([
        (RESTART, &[], false),
        (SETTINGS, &[0], false),
        (SETTINGS, &[0], true),
    ])
    .up();
    let said = rig.fail(0);
    assert_eq!(said.last().map(String::as_str), Some("stop 2 by 8s"));
    assert_eq!(
        rig.down_kept(2).last().map(String::as_str),
        Some("stop 0 by 8s")
    );
}

#[test]
fn a_restart_with_another_costs_nothing_of_its_own_budget() {
    let mut rig = Rig::together([
        (with_policy(POLICY.forever()), &[], false),
        (RESTART, &[0], true),
    ])
    .up();
    for _ in 0..5 {
        rig.fail(0);
        rig.down_kept(1);
        rig.down_kept(0);
        rig.comes_up(0);
        rig.ready(1);
    }
    assert_eq!(rig.fail(1)[0], "1 fails: restart 1 of 2");
}

#[test]
fn one_that_is_being_restarted_itself_keeps_its_wait_and_is_waited_for() {
    let slow = POLICY.backoff(Duration::from_secs(40), Duration::from_secs(40));
    let mut rig = Rig::together([(RESTART, &[], false), (with_policy(slow), &[0], true)]).up();
    rig.fail(1);
    let said = rig.fail(0);
    assert_eq!(said.last().map(String::as_str), Some("0 stopping"));
    assert_eq!(rig.down_kept(1), ["1 backoff", "stop 0 by 8s"]);
    rig.down_kept(0);
    rig.comes_up(0);
    assert_eq!(rig.until(19), ["forget restarts of 0"]);
    assert_eq!(rig.until(41), ["1 starting", "start 1"]);
}

#[test]
fn one_that_is_late_on_the_way_of_another_is_lost_and_the_other_goes_on() {
    let mut rig = Rig::together([(RESTART, &[], false), (IGNORE, &[0], true)]).up();
    rig.fail(0);
    let said = rig.until(9);
    assert!(
        said.contains(&"give up 1 after 8.2s".to_owned()),
        "{said:?}"
    );
    assert!(said.contains(&"1 failed".to_owned()), "{said:?}");
    assert!(
        said.iter().any(|said| said.starts_with("stop 0")),
        "{said:?}"
    );
    rig.down_kept(0);
    rig.comes_up(0);
}

#[test]
fn a_stop_while_others_go_first_stops_all_in_their_order() {
    let mut rig = Rig::together([
        (RESTART, &[], false),
        (SETTINGS, &[0], true),
        (SETTINGS, &[1], true),
    ])
    .up();
    rig.fail(0);
    assert_eq!(rig.stop(), ["let 0 go", "let 1 go", "let 2 go"]);
    assert_eq!(rig.down_kept(2), ["2 stopped", "discard 2 by 8s"]);
    assert_eq!(rig.down(2), ["1 stopping", "stop 1 by 8s"]);
    assert_eq!(rig.down(1), ["1 stopped", "stop 0 by 8s"]);
    assert_eq!(rig.down(0), ["0 stopped"]);
    assert!(rig.engine.is_over());
}

#[test]
fn by_hand_it_is_restarted_at_once_and_at_no_cost() {
    let mut rig = Rig::new([(RESTART, &[]), (SETTINGS, &[])]).up();
    for service in [0, 1, 0, 1, 0, 1] {
        rig.engine.restart(service, None, rig.now).unwrap();
        rig.said();
        assert_eq!(
            rig.down_kept(service),
            [
                format!("{service} backoff"),
                format!("{service} starting"),
                format!("start {service}")
            ]
        );
        rig.ready(service);
    }
    assert_eq!(rig.fail(0)[0], "0 fails: restart 1 of 2");
}

#[test]
fn by_hand_a_wait_ends_at_once() {
    let mut rig = Rig::new([(RESTART, &[])]).up();
    rig.fails_and_is_down(0);
    assert_eq!(rig.engine.restart(0, None, rig.now), Ok(()));
    assert_eq!(rig.said(), ["0 starting", "start 0"]);

    let mut rig = Rig::new([(RESTART, &[])]).up();
    rig.fail(0);
    assert_eq!(rig.engine.restart(0, None, rig.now), Ok(()));
    assert_eq!(rig.down_kept(0), ["0 backoff", "0 starting", "start 0"]);
}

#[test]
fn by_hand_what_does_not_run_is_not_restarted() {
    let mut rig = Rig::together([
        (SETTINGS, &[], false),
        (SETTINGS, &[0], true),
        (IGNORE, &[], false),
    ]);
    rig.begin();
    let restart = |rig: &mut Rig, service, asker| rig.engine.restart(service, asker, rig.now);
    assert_eq!(restart(&mut rig, 1, None), Err(Refusal::NotRunning));
    rig.ready(0);
    rig.ready(1);
    rig.ready(2);
    assert_eq!(restart(&mut rig, 0, Some(1)), Err(Refusal::FromWithin));
    assert_eq!(restart(&mut rig, 1, Some(2)), Ok(()));
    rig.fail(2);
    assert_eq!(restart(&mut rig, 2, None), Err(Refusal::Ended));
    rig.engine.requested(rig.now, rig.now, false);
    assert_eq!(restart(&mut rig, 0, None), Err(Refusal::Stopping));
}
