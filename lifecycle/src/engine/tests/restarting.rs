//! Down on its own and up again, while the application goes on.

use super::*;

#[test]
fn a_service_is_taken_down_waits_and_is_started_again() {
    let mut rig = Rig::new([(SETTINGS, &[])]).up();
    assert_eq!(
        rig.restart(0, 3),
        ["keep 0", "not all up", "0 stopping", "stop 0 by 8s"]
    );
    rig.until(1);
    assert_eq!(rig.down_kept(0), ["0 backoff"]);
    assert_eq!(
        rig.until(3),
        [""; 0],
        "the wait counts from when it was down"
    );
    assert_eq!(rig.until(4), ["0 starting", "start 0"]);
    assert_eq!(rig.ready(0), ["0 running", "all up"]);
}

#[test]
fn a_service_comes_and_goes_any_number_of_times() {
    let mut rig = Rig::new([(SETTINGS, &[]), (SETTINGS, &[0])]).up();
    for round in 0..100 {
        rig.restart(0, 1);
        assert_eq!(rig.down_kept(0), ["0 backoff"], "round {round}");
        assert_eq!(rig.until(round + 1), ["0 starting", "start 0"]);
        assert_eq!(rig.ready(0), ["0 running", "all up"]);
    }
    assert_eq!(rig.stop(), ["1 stopping", "stop 1 by 108s"]);
    assert_eq!(rig.down(1), ["1 stopped", "0 stopping", "stop 0 by 108s"]);
    assert_eq!(rig.down(0), ["0 stopped"]);
    assert!(rig.engine.is_over());
}

#[test]
fn dependents_that_run_are_left_alone_and_those_that_wait_wait_on() {
    // 1 runs; 2 waits for 3 as well, which is slow.
    let mut rig = Rig::new([
        (SETTINGS, &[]),
        (SETTINGS, &[0]),
        (SETTINGS, &[0, 3]),
        (SETTINGS, &[]),
    ]);
    rig.begin();
    rig.ready(0);
    rig.ready(1);
    assert_eq!(rig.restart(0, 1), ["keep 0", "0 stopping", "stop 0 by 8s"]);
    assert_eq!(rig.ready(3), ["3 running"], "2 waits for 0 again");
    assert_eq!(rig.down_kept(0), ["0 backoff"]);
    assert_eq!(rig.until(1), ["0 starting", "start 0"]);
    assert_eq!(rig.ready(0), ["0 running", "2 starting", "start 2"]);
}

#[test]
fn one_whose_wait_is_over_waits_for_what_it_needs() {
    let mut rig = Rig::new([(SETTINGS, &[]), (SETTINGS, &[0])]).up();
    rig.restart(0, 5);
    rig.down_kept(0);
    rig.restart(1, 1);
    assert_eq!(rig.down_kept(1), ["1 backoff"]);
    assert_eq!(rig.until(1), ["1 waiting"]);
    assert_eq!(rig.until(5), ["0 starting", "start 0"]);
    assert_eq!(rig.ready(0), ["0 running", "1 starting", "start 1"]);
    assert_eq!(rig.ready(1), ["1 running", "all up"]);
}

#[test]
fn one_on_its_way_up_is_taken_down_as_well_and_its_start_timeout_counts_anew() {
    let mut rig = Rig::new([(SETTINGS, &[]), (SETTINGS, &[0])]);
    rig.begin();
    rig.until(80);
    assert_eq!(rig.restart(0, 5), ["keep 0", "0 stopping", "stop 0 by 88s"]);
    rig.down_kept(0);
    assert_eq!(rig.until(85), ["0 starting", "start 0"]);
    assert_eq!(rig.until(174), [""; 0], "of the run before");
    assert!(rig.until(175).contains(&"0 fails after 90s".to_owned()));
}

#[test]
fn a_stop_while_it_is_taken_down_is_the_end_of_it() {
    let mut rig = Rig::new([(SETTINGS, &[]), (SETTINGS, &[0])]).up();
    rig.restart(0, 1);
    assert_eq!(rig.stop(), ["let 0 go", "1 stopping", "stop 1 by 8s"]);
    assert_eq!(rig.down(0), ["0 stopped"]);
    assert_eq!(rig.down(1), ["1 stopped"]);
    assert!(rig.engine.is_over());
    assert_eq!(rig.until(100), [""; 0]);
}

#[test]
fn what_was_handed_back_when_the_stop_came_is_dropped_before_what_it_depends_on_stops() {
    let mut rig = Rig::new([(SETTINGS, &[]), (SETTINGS, &[0])]).up();
    rig.restart(1, 1);
    assert_eq!(rig.stop(), ["let 1 go"]);
    assert_eq!(rig.down_kept(1), ["1 stopped", "discard 1 by 8s"]);
    assert_eq!(rig.down(1), ["0 stopping", "stop 0 by 8s"]);
}

#[test]
fn in_its_wait_a_stop_stops_it_at_once_and_nothing_starts() {
    let limits = RegistrySettings {
        shutdown_delay: Duration::from_secs(4),
        ..RegistrySettings::default()
    };
    let mut rig = Rig::within(limits, [(SETTINGS, &[]), (SETTINGS, &[0])]).up();
    rig.restart(1, 1);
    rig.down_kept(1);
    rig.engine.requested(rig.now, rig.now, false);
    assert_eq!(rig.said(), ["1 stopped", "discard 1 by 8s"]);
    assert_eq!(rig.down(1), [""; 0]);
    assert_eq!(
        rig.until(3),
        [""; 0],
        "its wait is over, and nothing starts"
    );
    rig.stop();
    assert_eq!(rig.until(4), ["0 stopping", "stop 0 by 12s"]);
}

#[test]
fn while_it_waits_for_what_it_needs_a_stop_stops_it() {
    let mut rig = Rig::new([(SETTINGS, &[]), (SETTINGS, &[0])]).up();
    rig.restart(0, 60);
    rig.down_kept(0);
    rig.restart(1, 0);
    assert_eq!(rig.down_kept(1), ["1 backoff", "1 waiting"]);
    rig.until(1);
    assert_eq!(
        rig.stop(),
        [
            "0 stopped",
            "discard 0 by 9s",
            "1 stopped",
            "discard 1 by 9s"
        ]
    );
    rig.down(0);
    rig.down(1);
    assert!(rig.engine.is_over());
}

#[test]
fn while_it_starts_again_a_stop_stops_it() {
    let mut rig = Rig::new([(SETTINGS, &[])]).up();
    rig.restart(0, 1);
    rig.down_kept(0);
    rig.until(1);
    assert_eq!(rig.stop(), ["0 stopping", "stop 0 by 9s"]);
    assert_eq!(rig.down(0), ["0 stopped"]);
    assert!(rig.engine.is_over());
}

#[test]
fn what_is_asked_to_stop_comes_no_more() {
    let mut rig = Rig::new([(SETTINGS, &[])]).up();
    rig.stop();
    assert_eq!(rig.restart(0, 1), [""; 0]);
    rig.down(0);
    assert_eq!(rig.restart(0, 1), [""; 0]);
}

#[test]
fn one_that_does_not_let_go_of_its_thread_does_not_come_again() {
    let mut rig = Rig::new([(IGNORE, &[]), (SETTINGS, &[0]), (SETTINGS, &[1])]);
    rig.begin();
    rig.ready(0);
    rig.restart(0, 1);
    assert_eq!(
        rig.until(9),
        ["cut 0", "end 0", "give up 0 after 8.2s", "0 failed"],
        "1 was on its way up, and goes on"
    );
    rig.ready(1);
    rig.restart(1, 1);
    rig.down_kept(1);
    let said = rig.until(10);
    assert_eq!(said[..2], ["1 fails with 0", "1 failed"]);
    assert!(said.contains(&"discard 1 by 18s".to_owned()), "{said:?}");
}

#[test]
fn alarms_of_an_earlier_stop_are_none_of_the_next() {
    let mut rig = Rig::new([(SETTINGS, &[])]).up();
    rig.restart(0, 1);
    rig.down_kept(0);
    rig.until(1);
    rig.ready(0);
    rig.until(5);
    rig.restart(0, 1);
    assert_eq!(rig.until(10), [""; 0], "6 s and 8 s were of the first");
    assert_eq!(rig.until(11), ["cut 0"]);
}

#[test]
fn a_failed_drain_is_the_end_of_it_and_other_failures_are_only_noted() {
    let mut rig = Rig::new([(IGNORE, &[])]).up();
    rig.restart(0, 1);
    assert_eq!(rig.fail(0), ["0 fails again"]);
    let error = ServiceError::new(
        Name::from("s"),
        Phase::Drain,
        Fault::ExitedEarly,
        Duration::ZERO,
    );
    rig.engine.failed(0, Failure::Reported(error), rig.now);
    assert_eq!(rig.said(), ["0 fails", "let 0 go", "0 failed"]);
    assert_eq!(rig.down(0), ["request: finished"]);
}
