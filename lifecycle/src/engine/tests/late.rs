//! What it means to be late.

use super::*;

const IGNORED: ServiceSettings = ServiceSettings {
    on_late: OnLate::Ignore,
    ..SETTINGS
};

#[test]
fn one_whose_lateness_is_ignored_is_stopped_in_the_end() {
    let mut rig = Rig::new([(IGNORED, &[])]).up();
    rig.stop();
    assert_eq!(rig.until(6), ["cut 0"]);
    rig.engine.late(0, Phase::Run, rig.now);
    assert_eq!(rig.said(), ["0 late in run, ignored: 6s"]);
    assert_eq!(rig.down(0), ["0 stopped"]);
}

#[test]
fn one_that_was_cut_for_a_restart_is_restarted_where_that_is_ignored() {
    let mut rig = Rig::new([(IGNORED, &[])]).up();
    rig.restart(0, 1);
    rig.until(6);
    rig.engine.late(0, Phase::Run, rig.now);
    rig.said();
    assert_eq!(rig.down_kept(0), ["0 backoff"]);
}

#[test]
fn one_that_blocks_its_thread_while_it_is_restarted_is_lost_all_the_same() {
    let mut rig = Rig::new([(IGNORED, &[]), (SETTINGS, &[])]).up();
    rig.restart(0, 1);
    let said = rig.until(9);
    assert!(
        said.contains(&"0 failed".to_owned()) && said.contains(&"request: 0 failed".to_owned()),
        "{said:?}"
    );
}

#[test]
fn one_that_blocks_its_thread_at_the_stop_is_ignored_as_well() {
    let mut rig = Rig::new([(IGNORED, &[])]).up();
    rig.stop();
    let said = rig.until(9);
    assert_eq!(said.last().map(String::as_str), Some("0 stopped"));
}
