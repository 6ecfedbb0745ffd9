//! Dependencies that are only wanted, and services that do not count.

use super::*;

#[test]
fn one_that_wants_waits_for_what_it_wants_and_for_what_it_needs() {
    let mut rig = Rig::wanting([
        (SETTINGS, &[], &[]),
        (IGNORE, &[], &[]),
        (SETTINGS, &[0], &[1]),
    ]);
    rig.begin();
    assert_eq!(rig.ready(0), ["0 running"]);
    assert_eq!(rig.ready(1), ["1 running", "2 starting", "start 2"]);
}

#[test]
fn one_that_wants_goes_on_without_what_has_failed() {
    let mut rig = Rig::wanting([(IGNORE, &[], &[]), (SETTINGS, &[], &[0])]);
    rig.begin();
    assert_eq!(
        rig.fail(0),
        [
            "0 fails",
            "0 failed",
            "stop 0 by 8s",
            "1 starting",
            "start 1"
        ]
    );
    assert_eq!(rig.fail(0), ["0 fails"], "it lets go once");
    assert_eq!(rig.ready(1), ["1 running", "all up"]);
}

#[test]
fn what_fails_for_want_of_another_lets_go_of_those_that_only_want_it() {
    // 1 needs 0 and fails with it; 2 only wants 1; 3 needs 2.
    let mut rig = Rig::wanting([
        (IGNORE, &[], &[]),
        (IGNORE, &[0], &[]),
        (SETTINGS, &[], &[1]),
        (SETTINGS, &[2], &[]),
    ]);
    rig.begin();
    assert_eq!(
        rig.fail(0),
        [
            "0 fails",
            "0 failed",
            "1 fails with 0",
            "1 failed",
            "stop 0 by 8s",
            "2 starting",
            "start 2"
        ]
    );
}

#[test]
fn nothing_goes_on_without_what_ends_the_application() {
    let mut rig = Rig::wanting([(SETTINGS, &[], &[]), (SETTINGS, &[], &[0])]);
    rig.begin();
    assert_eq!(rig.fail(0), ["0 fails", "0 failed", "request: 0 failed"]);

    // Nor without what fails with it, whatever its own policy is.
    let mut rig = Rig::wanting([
        (IGNORE, &[], &[]),
        (SETTINGS, &[0], &[]),
        (SETTINGS, &[], &[0]),
    ]);
    rig.begin();
    assert_eq!(
        rig.fail(0),
        [
            "0 fails",
            "0 failed",
            "1 fails with 0",
            "1 failed",
            "stop 0 by 8s",
            "request: 1 failed",
            "shorten 0 to 25s"
        ][..6]
    );
}

#[test]
fn a_start_timeout_lets_go_of_those_that_only_want_it() {
    let mut rig = Rig::wanting([(IGNORE, &[], &[]), (SETTINGS, &[], &[0])]);
    rig.begin();
    assert_eq!(
        rig.until(90),
        [
            "0 fails after 90s",
            "0 failed",
            "stop 0 by 98s",
            "1 starting",
            "start 1",
            "cut 0"
        ]
    );
}

#[test]
fn what_is_wanted_stops_after_those_that_want_it() {
    let mut rig = Rig::wanting([(SETTINGS, &[], &[]), (SETTINGS, &[], &[0])]).up();
    assert_eq!(rig.stop(), ["1 stopping", "stop 1 by 8s"]);
    assert_eq!(rig.down(1), ["1 stopped", "0 stopping", "stop 0 by 8s"]);
}

#[test]
fn all_are_up_though_one_that_does_not_count_still_starts() {
    let mut rig = Rig::new([(IGNORE, &[]), (SETTINGS, &[]), (IGNORE, &[1])]);
    rig.begin();
    assert_eq!(
        rig.ready(1),
        ["1 running", "all up", "2 starting", "start 2"]
    );
    assert_eq!(rig.ready(0), ["0 running"]);
    assert_eq!(rig.fail(2), ["2 fails", "2 failed", "stop 2 by 8s"]);
}

#[test]
fn where_none_counts_all_are_up_from_the_beginning() {
    let mut rig = Rig::new([(IGNORE, &[])]);
    assert_eq!(
        rig.begin(),
        ["0 waiting", "all up", "0 starting", "start 0"]
    );
    assert_eq!(rig.ready(0), ["0 running"]);
}
