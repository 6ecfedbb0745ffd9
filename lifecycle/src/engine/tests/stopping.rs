//! The way down: turns, budgets, the deadline and the delay.

use super::*;

#[test]
fn three_quarters_then_the_end_then_a_moment() {
    let mut rig = Rig::new([(TERMS, &[])]).up();
    rig.stop();
    assert_eq!(rig.until(5), [""; 0]);
    assert_eq!(rig.until(6), ["cut 0"]);
    rig.engine.late(0, Phase::Tick, rig.now);
    assert_eq!(rig.said(), ["0 late in tick: 6s"]);
    assert_eq!(rig.until(8), ["end 0"]);
    assert_eq!(rig.until(9), ["give up 0 after 8.2s", "0 failed"]);
    assert!(rig.engine.is_over());
    assert_eq!(rig.down(0), [""; 0], "nobody cares any more");
}

#[test]
fn a_oneshot_has_all_its_time_for_its_run() {
    let mut rig = Rig::new([(ONESHOT, &[])]);
    rig.begin();
    rig.stop();
    assert_eq!(rig.until(7), [""; 0]);
    assert_eq!(rig.until(8), ["end 0"]);
}

#[test]
fn one_deadline_for_all_and_no_fresh_time_for_those_who_come_late() {
    let limits = Limits {
        deadline: Duration::from_secs(10),
        ..Limits::default()
    };
    let mut rig = Rig::within(limits, [(TERMS, &[]), (TERMS, &[0]), (TERMS, &[1])]).up();
    assert_eq!(rig.stop(), ["2 stopping", "stop 2 by 8s"]);
    rig.until(7);
    assert_eq!(rig.down(2), ["2 stopped", "1 stopping", "stop 1 by 10s"]);
    rig.until(10);
    assert_eq!(
        rig.down(1),
        ["1 stopped", "0 stopping", "stop 0 by 10s", "cut 0", "end 0"]
    );
}

#[test]
fn who_was_asked_before_the_deadline_was_known_has_no_more_than_it_leaves() {
    let limits = Limits {
        deadline: Duration::from_secs(4),
        ..Limits::default()
    };
    let mut rig = Rig::within(limits, [(IGNORE, &[]), (TERMS, &[])]).up();
    assert_eq!(rig.fail(0), ["0 fails", "0 failed", "stop 0 by 8s"]);
    rig.until(1);
    assert_eq!(
        rig.stop(),
        ["shorten 0 to 5s", "1 stopping", "stop 1 by 5s"]
    );
    assert_eq!(rig.until(4), ["cut 0", "cut 1"]);
    assert_eq!(rig.until(5), ["end 0", "end 1"]);
}

#[test]
fn who_was_asked_before_and_ends_with_the_deadline_is_told_nothing_new() {
    let limits = Limits {
        deadline: Duration::from_secs(7),
        ..Limits::default()
    };
    let mut rig = Rig::within(limits, [(IGNORE, &[]), (TERMS, &[])]).up();
    rig.fail(0);
    rig.until(1);
    assert_eq!(rig.stop(), ["1 stopping", "stop 1 by 8s"]);
}

#[test]
fn the_delay_counts_from_the_request_and_a_failure_ends_it() {
    let limits = Limits {
        shutdown_delay: Duration::from_secs(5),
        ..Limits::default()
    };
    let services = [(TERMS, &[][..]), (TERMS, &[])];
    let mut rig = Rig::within(limits, services).up();
    rig.engine.requested(rig.now, false);
    rig.until(2);
    assert_eq!(rig.stop(), [""; 0]);
    assert_eq!(rig.until(4), [""; 0]);
    assert_eq!(rig.until(5).len(), 4, "both are asked");

    let mut rig = Rig::within(limits, services).up();
    rig.stop();
    rig.until(1);
    assert_eq!(
        rig.fail(0),
        [
            "0 fails",
            "0 failed",
            "stop 0 by 9s",
            "1 stopping",
            "stop 1 by 9s"
        ]
    );
}

#[test]
fn a_delay_longer_than_the_deadline_ends_with_it() {
    let limits = Limits {
        deadline: Duration::from_secs(10),
        shutdown_delay: Duration::MAX,
    };
    let mut rig = Rig::within(limits, [(TERMS, &[])]).up();
    rig.stop();
    assert_eq!(
        rig.until(10),
        ["0 stopping", "stop 0 by 10s", "cut 0", "end 0"]
    );
}

#[test]
fn endless_limits_set_no_alarm() {
    let endless = Terms {
        start_timeout: Some(Duration::MAX),
        stop_timeout: Duration::MAX,
        ..TERMS
    };
    let limits = Limits {
        deadline: Duration::MAX,
        ..Limits::default()
    };
    let mut rig = Rig::within(limits, [(endless, &[])]);
    rig.begin();
    assert_eq!(rig.engine.next_alarm(), None);
    rig.ready(0);
    assert_eq!(rig.stop(), ["0 stopping", "stop 0"]);
    assert_eq!(rig.engine.next_alarm(), None);
}

#[test]
fn those_who_are_gone_pass_the_turn_on_once_in_whatever_order_they_are_listed() {
    let chains: [[&[u32]; 4]; 2] = [[&[], &[0], &[1], &[2]], [&[1], &[2], &[3], &[]]];
    for chain in chains {
        let mut rig = Rig::new(chain.map(|after| (IGNORE, after)));
        rig.begin();
        let root = chain.iter().position(|after| after.is_empty()).unwrap();
        rig.ready(root);
        rig.fail(if root == 0 { 1 } else { 2 });
        rig.down(if root == 0 { 1 } else { 2 });
        assert_eq!(
            rig.stop(),
            [format!("{root} stopping"), format!("stop {root} by 8s")]
        );
        rig.down(root);
        assert!(rig.engine.is_over());
    }
}
