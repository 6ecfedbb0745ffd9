//! SIGHUP, sent to real processes: rule 35.

#![cfg(all(unix, feature = "signal"))]

use std::os::unix::process::CommandExt;
use std::process::Command;

use lifecycle_tests::{Program, on_each};

const HANGUP: i32 = 1;

fn start(scenario: &str, runtime: &str) -> Program {
    Program::start(env!("CARGO_BIN_EXE_hangup"), scenario, runtime)
}

#[test]
fn by_default_it_has_the_default_action() {
    on_each(|runtime| {
        start("default", runtime)
            .until("config is up")
            .signal("-HUP")
            .end()
            .by_signal(HANGUP);
    });
}

#[test]
fn under_reload_the_application_reloads_each_time_and_goes_on() {
    on_each(|runtime| {
        for scenario in ["reload", "reload-without-signals"] {
            let program = start(scenario, runtime)
                .until("config is up")
                .signal("-HUP")
                .until("reloaded 1")
                .signal("-HUP")
                .until("reloaded 2");
            if scenario == "reload" {
                program
                    .signal("-TERM")
                    .end()
                    .with_code(0)
                    .prints(&["asked: received SIGTERM", "drained"]);
            } else {
                program.signal("-TERM").end().by_signal(15);
            }
        }
    });
}

#[test]
fn under_stop_the_application_stops_as_on_any_other_signal() {
    on_each(|runtime| {
        start("stop", runtime)
            .until("config is up")
            .signal("-HUP")
            .end()
            .with_code(0)
            .prints(&["asked: received SIGHUP", "drained"]);
    });
}

#[test]
fn under_stop_a_second_signal_ends_the_process_at_once() {
    on_each(|runtime| {
        for (second, code) in [("-TERM", 128 + 15), ("-HUP", 128 + 1)] {
            start("stop-slowly", runtime)
                .until("config is up")
                .signal("-HUP")
                .until("asked: received SIGHUP")
                .signal_until_its_end(second)
                .end()
                .with_code(code);
        }
    });
}

#[test]
fn while_it_stops_for_another_signal_a_reload_changes_nothing() {
    on_each(|runtime| {
        let ended = start("reload", runtime)
            .until("config is up")
            .signal("-TERM")
            .signal("-HUP")
            .end()
            .with_code(0);
        assert_eq!(ended.lines.last().map(String::as_str), Some("drained"));
    });
}

#[test]
fn under_ignore_nothing_happens() {
    on_each(|runtime| {
        start("ignore", runtime)
            .until("config is up")
            .signal("-HUP")
            .signal("-TERM")
            .end()
            .with_code(0)
            .prints(&["asked: received SIGTERM", "drained"]);
    });
}

#[test]
fn after_the_stop_it_has_its_default_action_again() {
    on_each(|runtime| {
        start("after", runtime)
            .until("config is up")
            .signal("-HUP")
            .until("reloaded 1")
            .signal("-TERM")
            .until("over")
            .signal("-HUP")
            .end()
            .by_signal(HANGUP);
    });
}

#[test]
fn other_listeners_of_the_program_hear_it_too_and_keep_it() {
    on_each(|runtime| {
        start("beside", runtime)
            .until("config is up")
            .signal("-HUP")
            .until("heard")
            .until("reloaded 1")
            .signal("-TERM")
            .until("over")
            .signal("-HUP")
            .until("heard")
            .until("still there")
            .end()
            .with_code(0);
    });
}

#[test]
fn after_a_hangup_other_signals_have_their_default_action_when_the_stop_is_over() {
    on_each(|runtime| {
        start("after", runtime)
            .until("config is up")
            .signal("-HUP")
            .until("reloaded 1")
            .signal("-TERM")
            .until("over")
            .signal("-INT")
            .end()
            .by_signal(2);
    });
}

/// `nohup` starts a program with SIGHUP ignored.
#[test]
#[cfg(target_os = "linux")]
fn under_nohup_it_stops_nothing_and_still_reloads() {
    let nohup = |scenario: &str| {
        let mut command = Command::new("sh");
        command
            .arg("-c")
            .arg(format!(
                "trap '' HUP; exec {} {scenario} multi",
                env!("CARGO_BIN_EXE_hangup")
            ))
            .process_group(0);
        Program::of(&mut command)
            .until("config is up")
            .signal("-HUP")
    };
    nohup("stop")
        .signal("-TERM")
        .end()
        .with_code(0)
        .prints(&["asked: received SIGTERM"]);
    nohup("reload")
        .until("reloaded 1")
        .signal("-TERM")
        .end()
        .with_code(0);
}
