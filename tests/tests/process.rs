//! Exit codes, reports, and code that blocks its thread, on real processes: rules 21 and 22.

#![cfg(all(unix, feature = "signal"))]

use lifecycle_tests::{Program, on_each};

fn start(scenario: &str, runtime: &str) -> Program {
    Program::start(env!("CARGO_BIN_EXE_fixture"), scenario, runtime)
}

#[test]
fn a_clean_stop_prints_no_report() {
    on_each(|runtime| {
        let ended = start("stops-itself", runtime).end().with_code(0);
        assert_eq!(ended.report, "");
    });
}

#[test]
fn a_failing_service_exits_with_one_and_the_report_names_it_and_the_cause_first() {
    on_each(|runtime| {
        let ended = start("fails", runtime).end().with_code(1);
        let report: Vec<_> = ended.report.lines().collect();
        let cause = "stopped: service `api` failed in run: disk full (after ";
        assert!(report[0].starts_with(cause), "{report:#?}");
        let further = "  service `store` failed in drain: cannot flush (after ";
        assert!(report[1].starts_with(further), "{report:#?}");
        assert_eq!(report.len(), 3, "{report:#?}");
    });
}

#[test]
fn a_failure_under_ignore_exits_with_zero_and_is_reported() {
    on_each(|runtime| {
        start("fails-ignored", runtime)
            .until("metrics: drain done")
            .signal("-TERM")
            .end()
            .with_code(0)
            .reports("service `metrics` failed in run: no port");
    });
}

#[test]
fn clients_that_are_silent_that_reset_or_whose_task_panics_are_not_in_the_exit_code() {
    on_each(|runtime| {
        start("clients", runtime)
            .until("serving")
            .signal("-TERM")
            .end()
            .with_code(0)
            .prints(&["drained"]);
    });
}

#[test]
fn async_code_that_hangs_is_dropped_and_named_in_time() {
    on_each(|runtime| {
        start("hangs", runtime)
            .until("bad: run")
            .signal("-TERM")
            .end()
            .with_code(1)
            .reports("service `bad` did not stop in time: dropped in run")
            .reports("service `bad` did not stop in time: dropped in drain")
            .reports("1 late");
    });
}

#[test]
fn the_deadline_holds_against_code_that_blocks_its_thread_and_the_report_names_it() {
    on_each(|runtime| {
        let cases = [
            ("blocks-in-startup", "bad: startup", "startup"),
            ("blocks-in-run", "bad: run", "run"),
            ("blocks-in-tick", "bad: tick 1", "tick"),
        ];
        for (scenario, line, phase) in cases {
            start(scenario, runtime)
                .until(line)
                .signal("-TERM")
                .end()
                .with_code(1)
                .reports("stopped: received SIGTERM")
                .reports(&format!(
                    "service `bad` did not stop in time: dropped in {phase}"
                ));
        }
    });
}

#[test]
fn what_a_flush_holds_that_blocks_its_thread_is_reported_lost() {
    on_each(|runtime| {
        start("blocks-in-flush", runtime)
            .until("bad: flush")
            .signal("-TERM")
            .end()
            .with_code(1)
            .reports("service `bad` did not stop in time: dropped in flush")
            .reports("service `bad` lost 3 accepted items");
    });
}

#[test]
fn the_deadline_holds_against_a_drain_that_blocks_its_thread() {
    on_each(|runtime| {
        for (scenario, line) in [
            ("blocks-in-drain", "bad: run"),
            ("blocks-in-stop", "bad: start"),
        ] {
            start(scenario, runtime)
                .until(line)
                .signal("-TERM")
                .end()
                .with_code(1)
                .reports("service `bad` did not stop in time: dropped in drain");
        }
    });
}

#[test]
fn the_deadline_holds_against_a_task_that_blocks_its_thread() {
    on_each(|runtime| {
        start("blocks-in-task", runtime)
            .until("bad: task")
            .signal("-TERM")
            .end()
            .with_code(1)
            .reports("service `bad` did not stop in time");
    });
}

#[test]
fn the_deadline_holds_against_a_destructor_that_blocks_its_thread() {
    on_each(|runtime| {
        start("blocks-in-destructor", runtime)
            .until("bad: startup")
            .signal("-TERM")
            .end()
            .with_code(1)
            .reports("service `bad` did not stop in time");
    });
}

#[test]
fn the_deadline_holds_against_blocking_code_that_run_waits_for() {
    on_each(|runtime| {
        start("waits-for-blocking-code", runtime)
            .until("bad: blocks")
            .signal("-TERM")
            .end()
            .with_code(1)
            .reports("service `bad` did not stop in time: dropped in run");
    });
}

#[test]
fn the_deadline_holds_against_code_that_blocks_while_it_holds_standard_error() {
    on_each(|runtime| {
        let ended = start("blocks-standard-error", runtime)
            .until("bad: blocks")
            .signal("-TERM")
            .end()
            .with_code(1);
        assert_eq!(ended.report, "", "nobody can write there");
    });
}

#[test]
fn the_deadline_holds_against_blocking_code_that_run_has_left_behind() {
    on_each(|runtime| {
        let ended = start("leaves-blocking-code", runtime)
            .until("bad: blocks")
            .signal("-TERM")
            .end()
            .with_code(0);
        assert_eq!(ended.report, "");
    });
}

#[test]
fn a_program_that_goes_on_after_the_stop_is_left_alone() {
    on_each(|runtime| {
        for (scenario, line, code) in [("goes-on", "api: run", 0), ("goes-on-late", "a: run", 1)] {
            let goes_on = format!("goes on with {code}");
            start(scenario, runtime)
                .until(line)
                .signal("-TERM")
                .end()
                .with_code(7)
                .prints(&[&goes_on]);
        }
    });
}

#[test]
fn a_service_that_blocks_its_thread_is_given_up_and_the_others_are_stopped() {
    start("blocks-beside-others", "multi")
        .until("bad: blocks")
        .until("good: run")
        .signal("-TERM")
        .end()
        .with_code(1)
        .prints(&["good: drain done", "store: drain done"])
        .prints(&["bad: task dropped", "store: drain"])
        .reports("service `bad` did not stop in time: dropped in run")
        .reports("3 services: 2 stopped");
}

#[test]
fn what_blocks_its_thread_is_never_run_a_second_time() {
    let ended = start("blocks-at-a-restart", "wide")
        .end()
        .with_code(1)
        .prints(&["bad: blocks", "enough"])
        .reports("service `bad` did not stop in time: dropped in run");
    let runs = ended.lines.iter().filter(|line| *line == "bad: run");
    assert_eq!(runs.count(), 1, "{ended:#?}");
}

#[test]
fn a_drain_that_blocks_its_thread_is_given_up_and_the_others_are_stopped() {
    start("drains-beside-others", "multi")
        .until("bad: run")
        .until("good: run")
        .signal("-TERM")
        .end()
        .with_code(1)
        .prints(&["bad: blocks", "store: drain done"])
        .prints(&["good: drain done", "store: drain done"])
        .reports("service `bad` did not stop in time: dropped in drain")
        .reports("3 services: 2 stopped");
}

#[test]
fn one_blocked_thread_does_not_hold_up_the_clock_of_the_others() {
    // The thread that blocks is the one that drove the timers: nothing else wakes up by itself.
    start("drains-above-others", "multi")
        .until("bad: run")
        .signal("-TERM")
        .end()
        .with_code(1)
        .prints(&["bad: blocks", "store: drain done"]);
    for scenario in ["blocks-after-stop", "blocks-without-deadline"] {
        start(scenario, "multi")
            .end()
            .with_code(1)
            .prints(&["bad: blocks", "store: drain done"]);
    }
}

#[test]
fn a_service_that_blocks_its_thread_as_soon_as_it_is_ready_does_not_keep_the_others_from_stopping()
{
    start("blocks-when-ready", "multi")
        .until("bad: blocks")
        .signal("-TERM")
        .end()
        .with_code(1)
        .prints(&["bad: blocks", "store: drain done"]);
}

#[test]
fn the_deadline_counts_from_the_request_though_the_runtime_was_busy_and_the_owed_drains_run() {
    on_each(|runtime| {
        let threads = if runtime == "multi" { 2 } else { 1 };
        let ended = start("busy-at-the-request", runtime)
            .until_times(threads, "busy")
            .signal("-TERM")
            .end()
            .with_code(1)
            .reports("service `first` did not stop in time: dropped in run")
            .reports("stopping took 3.");
        let flushed = ended.lines.iter().filter(|line| *line == "flushed");
        assert_eq!(flushed.count(), 2, "{ended:#?}");
    });
}

#[test]
fn drains_that_block_their_threads_one_after_another_leave_those_below_their_share() {
    start("drains-block-in-a-row", "wide")
        .until("two: startup done")
        .signal("-TERM")
        .until("one: blocks")
        .end()
        .with_code(1)
        .prints(&["two: blocks", "one: blocks", "store: drain done"]);
}
