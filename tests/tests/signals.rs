//! Signals, sent to real processes: rules 15, 16 and 22.

#![cfg(all(unix, feature = "signal"))]

use std::time::{Duration, Instant};

use lifecycle_tests::{Program, on_each};

fn start(scenario: &str, runtime: &str) -> Program {
    Program::start(env!("CARGO_BIN_EXE_fixture"), scenario, runtime)
}

#[test]
fn sigterm_and_sigint_stop_in_order_and_exit_with_zero() {
    on_each(|runtime| {
        for signal in ["-TERM", "-INT"] {
            start("serve", runtime)
                .until("api: run")
                .signal(signal)
                .end()
                .with_code(0)
                .prints(&[
                    "api: run done",
                    "api: drain done",
                    "store: drain",
                    "store: drain done",
                ]);
        }
    });
}

#[test]
fn handlers_are_installed_before_the_first_service_starts() {
    on_each(|runtime| {
        let ended = start("raises", runtime).end().with_code(0);
        assert_eq!(ended.lines[0], "raised");
        assert!(
            !ended.lines.contains(&"api: drain".to_owned())
                || ended.lines.contains(&"api: startup".to_owned())
        );
    });
}

#[test]
fn a_server_with_a_handler_of_its_own_ends_with_the_signal_and_the_delay_stands() {
    on_each(|runtime| {
        for _ in 0..20 {
            let began = Instant::now();
            start("own-handler", runtime)
                .until("server: run")
                .until("last: startup done")
                .signal("-TERM")
                .end()
                .with_code(0)
                .prints(&[
                    "server: returns",
                    "last: drain",
                    "server: drained",
                    "store: drain done",
                ]);
            assert!(began.elapsed() >= Duration::from_millis(100));
        }
    });
}

#[test]
fn a_registry_that_runs_in_a_service_ends_with_the_signal() {
    on_each(|runtime| {
        for signal in ["-TERM", "-INT"] {
            for _ in 0..20 {
                start("inner-run", runtime)
                    .until("inner: run")
                    .signal(signal)
                    .end()
                    .with_code(0)
                    .prints(&["inner: drain done", "tenant: returns", "store: drain done"]);
            }
        }
    });
}

#[test]
fn a_second_signal_ends_the_process_at_once_though_every_thread_is_blocked() {
    on_each(|runtime| {
        for (second, code) in [("-TERM", 128 + 15), ("-INT", 128 + 2)] {
            let program = start("blocks-all", runtime);
            let threads = if runtime == "multi" { 2 } else { 1 };
            program
                .until_times(threads, ": run")
                .signal("-TERM")
                .until("asked: received SIGTERM")
                .signal_until_its_end(second)
                .end()
                .with_code(code);
        }
    });
}

#[test]
fn a_second_signal_ends_the_shutdown_delay_and_the_process() {
    on_each(|runtime| {
        start("delayed", runtime)
            .until("api: run")
            .signal("-TERM")
            .until("asked: received SIGTERM")
            .signal_until_its_end("-TERM")
            .end()
            .with_code(128 + 15);
    });
}

#[test]
fn sigint_skips_the_shutdown_delay() {
    on_each(|runtime| {
        start("delayed", runtime)
            .until("api: run")
            .signal("-INT")
            .end()
            .with_code(0)
            .prints(&["asked: received SIGINT"]);
    });
}

#[test]
fn after_the_stop_a_signal_has_its_default_action_again() {
    on_each(|runtime| {
        start("after-stop", runtime)
            .until("api: run")
            .signal("-TERM")
            .until("over")
            .signal("-INT")
            .end()
            .by_signal(2);
    });
}

#[test]
fn a_second_run_in_one_process_hears_its_own_signal() {
    on_each(|runtime| {
        start("twice", runtime)
            .until("api: run")
            .signal("-TERM")
            .until_times(2, "api: run")
            .signal("-TERM")
            .end()
            .with_code(0);
    });
}

#[test]
fn two_registries_in_one_process_both_hear_one_signal() {
    on_each(|runtime| {
        let ended = start("two-at-once", runtime)
            .until_times(2, "api: run")
            .signal("-TERM")
            .end()
            .with_code(0);
        let drains = ended
            .lines
            .iter()
            .filter(|line| *line == "store: drain done");
        assert_eq!(drains.count(), 2);
    });
}

#[test]
fn when_one_of_two_registries_has_stopped_the_other_still_hears_signals() {
    on_each(|runtime| {
        start("one-of-two", runtime)
            .until("first: drain done")
            .until("api: run")
            .signal("-TERM")
            .end()
            .with_code(0)
            .prints(&["store: drain done"]);
    });
}

#[test]
fn with_signals_off_none_is_installed() {
    on_each(|runtime| {
        start("signals-off", runtime)
            .until("api: run")
            .signal("-TERM")
            .end()
            .by_signal(15);
    });
}

#[test]
fn a_signal_during_the_start_drops_what_is_on_its_way_up() {
    on_each(|runtime| {
        let ended = start("starts-slowly", runtime)
            .until("api: startup")
            .signal("-TERM")
            .end()
            .with_code(0)
            .prints(&["api: startup dropped", "store: drain done"]);
        assert!(!ended.lines.contains(&"web: startup".to_owned()));
    });
}
