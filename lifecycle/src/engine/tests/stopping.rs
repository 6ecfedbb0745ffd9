//! The way down: turns, budgets, the deadline and the delay.

use super::*;

#[test]
fn three_quarters_then_the_end_then_a_moment() {
    let mut rig = Rig::new([(SETTINGS, &[])]).up();
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
    let limits = RegistrySettings {
        deadline: Duration::from_secs(10),
        ..RegistrySettings::default()
    };
    let mut rig = Rig::within(
        limits,
        [(SETTINGS, &[]), (SETTINGS, &[0]), (SETTINGS, &[1])],
    )
    .up();
    assert_eq!(rig.stop(), ["2 stopping", "stop 2 by 7.5s"]);
    rig.until(7);
    assert_eq!(rig.down(2), ["2 stopped", "1 stopping", "stop 1 by 9.25s"]);
    rig.now = rig.origin + Duration::from_secs(10);
    assert_eq!(
        rig.down(1),
        ["1 stopped", "0 stopping", "stop 0 by 10s", "cut 0", "end 0"]
    );
}

#[test]
fn each_level_that_hangs_leaves_a_quarter_to_those_below() {
    let limits = RegistrySettings {
        deadline: Duration::from_secs(64),
        ..RegistrySettings::default()
    };
    let slow = ServiceSettings {
        stop_timeout: Duration::from_secs(600),
        ..SETTINGS
    };
    let chain = [(slow, &[][..]), (slow, &[0]), (slow, &[1]), (slow, &[2])];
    let mut rig = Rig::within(limits, chain).up();
    assert_eq!(rig.stop(), ["3 stopping", "stop 3 by 48s"]);
    assert_eq!(
        rig.until(36),
        ["cut 3"],
        "a quarter of its own for its drain"
    );
    assert_eq!(rig.until(48), ["end 3"]);
    assert_eq!(rig.down(3), ["3 stopped", "2 stopping", "stop 2 by 60s"]);
    assert_eq!(rig.until(60), ["cut 2", "end 2"]);
    assert_eq!(rig.down(2), ["2 stopped", "1 stopping", "stop 1 by 63s"]);
    assert_eq!(rig.until(63), ["cut 1", "end 1"]);
    let left = rig.down(1);
    assert_eq!(left, ["1 stopped", "0 stopping", "stop 0 by 64s"], "all");
}

#[test]
fn only_what_is_still_to_be_stopped_is_left_a_share_of_the_time() {
    let limits = RegistrySettings {
        deadline: Duration::from_secs(8),
        ..RegistrySettings::default()
    };
    // Below 2 a oneshot that is done, and below that nothing, or 0.
    for (below, by) in [(&[][..], "stop 2 by 8s"), (&[0], "stop 2 by 6s")] {
        let mut rig = Rig::within(
            limits,
            [(SETTINGS, &[]), (ONESHOT, below), (SETTINGS, &[1])],
        );
        rig.begin();
        rig.ready(0);
        rig.down(1);
        rig.ready(2);
        assert!(rig.stop().contains(&by.to_owned()), "{by}");
    }
}

#[test]
fn a_service_that_goes_down_in_between_is_left_no_share() {
    let limits = RegistrySettings {
        deadline: Duration::from_secs(8),
        ..RegistrySettings::default()
    };
    // 1 is done, and 3 has found 0 below it. 2 looks there again.
    let mut rig = Rig::within(
        limits,
        [
            (IGNORE, &[]),
            (ONESHOT, &[0]),
            (SETTINGS, &[1]),
            (SETTINGS, &[1]),
            (SETTINGS, &[2]),
        ],
    );
    rig.begin();
    rig.ready(0);
    rig.down(1);
    rig.ready(2);
    rig.ready(3);
    rig.ready(4);
    assert!(rig.stop().contains(&"stop 3 by 6s".to_owned()));
    rig.fail(0);
    assert_eq!(rig.down(4), ["4 stopped", "2 stopping", "stop 2 by 8s"]);
}

#[test]
fn who_was_asked_before_has_no_more_than_its_share_either() {
    let limits = RegistrySettings {
        deadline: Duration::from_secs(4),
        ..RegistrySettings::default()
    };
    let mut rig = Rig::within(limits, [(SETTINGS, &[]), (IGNORE, &[0])]).up();
    rig.fail(1);
    rig.until(1);
    assert_eq!(rig.stop(), ["shorten 1 to 4s"], "three of the four left");
}

#[test]
fn code_that_blocks_takes_no_more_than_a_quarter_of_what_is_left_to_those_below() {
    for (deadline, given_up) in [
        (25, "give up 1 after 8.2s"),
        // 2.25 s and a quarter of the 0.75 s that are left.
        (3, "give up 1 after 2.4375s"),
    ] {
        let limits = RegistrySettings {
            deadline: Duration::from_secs(deadline),
            ..RegistrySettings::default()
        };
        let mut rig = Rig::within(limits, [(SETTINGS, &[]), (SETTINGS, &[0])]).up();
        rig.stop();
        let said = rig.until(20);
        assert!(said.contains(&given_up.to_owned()), "{said:?}");
    }
}

#[test]
fn the_deadline_and_the_delay_count_from_the_request_though_it_was_heard_of_late() {
    let limits = RegistrySettings {
        deadline: Duration::from_secs(9),
        shutdown_delay: Duration::from_secs(4),
        ..RegistrySettings::default()
    };
    let mut rig = Rig::within(limits, [(SETTINGS, &[])]).up();
    let asked = rig.now;
    rig.until(3);
    rig.engine.requested(asked, rig.now, false);
    assert_eq!(rig.stop(), [""; 0]);
    assert_eq!(rig.until(4), ["0 stopping", "stop 0 by 9s"]);

    let mut rig = Rig::within(limits, [(SETTINGS, &[])]).up();
    let asked = rig.now;
    rig.until(11);
    rig.engine.requested(asked, rig.now, false);
    assert_eq!(
        rig.stop(),
        ["0 stopping", "stop 0 by 11s", "cut 0", "end 0"],
        "it gets its look"
    );
}

#[test]
fn who_was_asked_before_the_deadline_was_known_has_no_more_than_it_leaves() {
    let limits = RegistrySettings {
        deadline: Duration::from_secs(4),
        ..RegistrySettings::default()
    };
    let mut rig = Rig::within(limits, [(IGNORE, &[]), (SETTINGS, &[])]).up();
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
    let limits = RegistrySettings {
        deadline: Duration::from_secs(7),
        ..RegistrySettings::default()
    };
    let mut rig = Rig::within(limits, [(IGNORE, &[]), (SETTINGS, &[])]).up();
    rig.fail(0);
    rig.until(1);
    assert_eq!(rig.stop(), ["1 stopping", "stop 1 by 8s"]);
}

#[test]
fn the_delay_counts_from_the_request_and_a_failure_ends_it() {
    let limits = RegistrySettings {
        shutdown_delay: Duration::from_secs(5),
        ..RegistrySettings::default()
    };
    let services = [(SETTINGS, &[][..]), (SETTINGS, &[])];
    let mut rig = Rig::within(limits, services).up();
    rig.engine.requested(rig.now, rig.now, false);
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
    let limits = RegistrySettings {
        deadline: Duration::from_secs(10),
        shutdown_delay: Duration::MAX,
        ..RegistrySettings::default()
    };
    let mut rig = Rig::within(limits, [(SETTINGS, &[])]).up();
    rig.stop();
    assert_eq!(
        rig.until(10),
        ["0 stopping", "stop 0 by 10s", "cut 0", "end 0"]
    );
}

#[test]
fn endless_limits_set_no_alarm() {
    let endless = ServiceSettings {
        start_timeout: Some(Duration::MAX),
        stop_timeout: Duration::MAX,
        ..SETTINGS
    };
    let limits = RegistrySettings {
        deadline: Duration::MAX,
        ..RegistrySettings::default()
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
