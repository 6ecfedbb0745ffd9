//! Services that are not to be started.

use super::{ONESHOT, Rig, SETTINGS};
use crate::engine::settings::ServiceSettings;

const DISABLED: ServiceSettings = ServiceSettings {
    disabled: true,
    ..SETTINGS
};

#[test]
fn a_disabled_service_holds_none_up_and_does_not_count() {
    let mut rig = Rig::wanting([
        (SETTINGS, &[], &[1]),
        (DISABLED, &[], &[]),
        (DISABLED, &[1], &[0]),
    ]);
    assert_eq!(
        rig.begin(),
        [
            "0 waiting",
            "1 disabled",
            "2 disabled",
            "0 starting",
            "start 0"
        ]
    );
    assert_eq!(rig.ready(0), ["0 running", "all up"]);
    assert_eq!(rig.stop(), ["0 stopping", "stop 0 by 8s"]);
    assert_eq!(rig.down(0), ["0 stopped"]);
    assert!(rig.engine.is_over());
}

#[test]
fn the_end_of_the_last_service_that_is_not_disabled_is_the_end_of_all() {
    let mut rig = Rig::new([(DISABLED, &[]), (ONESHOT, &[])]);
    rig.begin();
    assert_eq!(rig.down(1), ["1 stopped", "all up", "request: finished"]);
}

#[test]
fn where_all_are_disabled_all_is_well_and_over() {
    let mut rig = Rig::new([(DISABLED, &[]), (DISABLED, &[])]);
    assert_eq!(
        rig.begin(),
        ["0 disabled", "1 disabled", "all up", "request: finished"]
    );
    assert_eq!(rig.stop(), [""; 0]);
    assert!(rig.engine.is_over());
}

#[test]
fn the_stop_goes_through_one_that_is_disabled() {
    let mut rig = Rig::wanting([
        (SETTINGS, &[], &[]),
        (DISABLED, &[0], &[]),
        (SETTINGS, &[], &[1]),
    ])
    .up();
    assert_eq!(rig.stop(), ["2 stopping", "stop 2 by 8s"]);
    assert_eq!(rig.down(2), ["2 stopped", "0 stopping", "stop 0 by 8s"]);
}

#[test]
fn a_stop_that_was_requested_before_starts_none() {
    let mut rig = Rig::new([(DISABLED, &[]), (SETTINGS, &[])]);
    rig.engine.requested(rig.now, rig.now, true);
    assert_eq!(rig.begin(), ["0 disabled", "1 waiting"]);
    assert_eq!(rig.stop(), ["1 stopped"]);
    assert!(rig.engine.is_over());
}
