//! Signals around runs, beside runs and twice, sent to real processes: rules 15 and 22.
//!
//! The kinds: a signal that comes after the last run, which other code of the program handles, or none (through tokio, through
//! signal-hook, before or after the run; also as the first process of a container); a signal that comes while a run stops for
//! another reason, or between two runs; the first signal of one run that is another's second; one request that is delivered
//! twice; handlers that could not be installed; signals that were ignored when the program was started.

#![cfg(all(unix, feature = "signal"))]

use std::process::Command;

use lifecycle_tests::{Program, on_each};

const PHASES: &str = env!("CARGO_BIN_EXE_phases");

fn start(scenario: &str, runtime: &str) -> Program {
    Program::start(PHASES, scenario, runtime)
}

/// As the argument of a shell, whose script is to `exec "$0" "$@"`.
fn through(script: &str, scenario: &str, runtime: &str) -> Program {
    Program::of(Command::new("sh").args(["-c", script, PHASES, scenario, runtime]))
}

#[test]
fn after_the_stop_a_program_handles_a_signal_itself() {
    on_each(|runtime| {
        for scenario in [
            "own-handler",
            "own-handler-run",
            "own-handler-before",
            "own-handler-twice",
            "flag",
            "flag-before",
        ] {
            start(scenario, runtime)
                .until("mine")
                .signal("-TERM")
                .end()
                .with_code(7);
        }
    });
}

#[test]
fn after_the_stop_a_registry_without_signals_is_stopped_by_the_programs_own_handler() {
    on_each(|runtime| {
        start("own-registry", runtime)
            .until("api: run")
            .signal("-TERM")
            .end()
            .with_code(0)
            .prints(&["store: drain done", "reason: stop requested from outside"]);
    });
}

#[test]
fn after_the_stop_a_signal_nothing_listens_to_ends_the_process() {
    on_each(|runtime| {
        for scenario in ["nobody", "nobody-but-others"] {
            for (signal, number) in [("-TERM", 15), ("-INT", 2)] {
                start(scenario, runtime)
                    .until("over")
                    .signal(signal)
                    .end()
                    .by_signal(number);
            }
        }
    });
}

#[test]
fn as_the_first_process_a_signal_after_the_stop_ends_nothing_and_stops_the_next_run() {
    let unshare = |command: &mut Command| command.args(["-Urfp", "--kill-child"]).status();
    if !unshare(Command::new("unshare").arg("--").arg("true")).is_ok_and(|status| status.success())
    {
        println!("not tested: this machine allows no process namespaces");
        return;
    }
    on_each(|runtime| {
        let mut command = Command::new("unshare");
        command.args(["-Urfp", "--kill-child", PHASES, "first-process", runtime]);
        let ended = Program::of(&mut command)
            .end()
            .with_code(0)
            .prints(&["alive", "reason: received SIGTERM"]);
        assert!(!ended.lines.contains(&"api: run".to_owned()), "{ended:#?}");
    });
}

#[test]
fn a_start_whose_handlers_could_not_be_installed_leaves_nothing_behind() {
    on_each(|runtime| {
        through(r#"ulimit -n 64; exec "$0" "$@""#, "descriptors", runtime)
            .until("refused")
            .until("api: run")
            .signal("-TERM")
            .end()
            .with_code(0)
            .prints(&["api: drain done", "store: drain done"]);
    });
}

#[test]
fn a_run_that_starts_while_another_stops_hears_its_own_first_signal() {
    on_each(|runtime| {
        start("starts-while-another-stops", runtime)
            .until("first: run")
            .signal("-TERM")
            .until("api: run")
            .signal("-TERM")
            .end()
            .with_code(0)
            .prints(&["store: drain done", "reason: received SIGTERM"]);
    });
}

#[test]
fn a_signal_that_comes_while_a_run_stops_for_another_reason_stops_the_next_one() {
    on_each(|runtime| {
        let ended = start("reload-loop", runtime).end().with_code(0).prints(&[
            "reason: stop requested from outside",
            "reason: received SIGTERM",
        ]);
        let third = ended.lines.last().map(String::as_str);
        assert_eq!(third, Some("reason: stop requested"));
        let runs = ended.lines.iter().filter(|line| *line == "store: startup");
        assert_eq!(runs.count(), 1, "only of the third run: {ended:#?}");
    });
}

#[test]
fn a_signal_that_comes_between_two_runs_stops_the_second() {
    on_each(|runtime| {
        let ended = start("between", runtime)
            .end()
            .with_code(0)
            .prints(&["reason: received SIGTERM"]);
        assert!(!ended.lines.contains(&"api: run".to_owned()), "{ended:#?}");
    });
}

#[test]
fn no_signal_is_lost_where_runs_end_and_begin() {
    on_each(|runtime| {
        start("reload-races", runtime)
            .end()
            .with_code(0)
            .prints(&["none is lost"]);
    });
}

#[test]
fn one_request_that_is_delivered_twice_is_one() {
    on_each(|runtime| {
        for pair in ["int-term", "term-int", "int-int", "term-term"] {
            start(&format!("raises-{pair}"), runtime)
                .end()
                .with_code(0)
                .prints(&["drained", "store: drain done"]);
        }
    });
}

#[test]
fn one_request_that_is_delivered_again_after_a_fast_stop_is_one() {
    on_each(|runtime| {
        start("repeats-late", runtime)
            .end()
            .with_code(0)
            .prints(&["drained", "alive"]);
    });
}

#[test]
fn a_signal_that_was_ignored_when_the_program_was_started_stays_so() {
    on_each(|runtime| {
        for (ignored, other, name) in [("INT", "TERM", "SIGTERM"), ("TERM", "INT", "SIGINT")] {
            let script = format!(r#"trap "" {ignored}; exec "$0" "$@""#);
            through(&script, "serve", runtime)
                .until("api: run")
                .signal(&format!("-{ignored}"))
                .signal(&format!("-{other}"))
                .end()
                .with_code(0)
                .prints(&["store: drain done", &format!("reason: received {name}")]);
        }
    });
}

#[test]
fn a_program_in_the_background_of_a_shell_does_not_hear_sigint() {
    on_each(|runtime| {
        // The shell has SIGINT ignored in what it starts with `&`.
        through(r#""$0" "$@" & wait"#, "raises-int-term", runtime)
            .end()
            .prints(&["drained", "reason: received SIGTERM"]);
    });
}
