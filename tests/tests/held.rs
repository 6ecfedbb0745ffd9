//! What a run returns may be held, and the runtime ends though threads are left blocked, on real processes: rule 22.
//!
//! The kinds: an outcome that is held in any way (itself, a clone, the error made of it, in a `join!`, in a handle), after a stop
//! that was clean, failed, late or left a thread blocked; a runtime that ended in time before the program goes on with whatever
//! work; a thread left blocked, by a service or by others, with an outcome that is returned or was dropped.

#![cfg(all(unix, feature = "signal"))]

use lifecycle_tests::Program;

/// Each of them on each kind of runtime, all at the same time.
fn each(scenarios: &[&str], test: impl Fn(Program) + Sync) {
    let start = |scenario, runtime| Program::start(env!("CARGO_BIN_EXE_held"), scenario, runtime);
    std::thread::scope(|scope| {
        for &scenario in scenarios {
            scope.spawn(|| test(start(scenario, "current")));
            scope.spawn(|| test(start(scenario, "multi")));
        }
    });
}

#[test]
fn a_program_that_holds_an_outcome_goes_on() {
    each(&["outcome", "clone", "error", "late"], |program| {
        program.end().with_code(7).prints(&["goes on"]);
    });
}

#[test]
fn a_thread_that_is_left_blocked_ends_no_program_that_goes_on() {
    let program = Program::start(env!("CARGO_BIN_EXE_held"), "blocks-a-worker", "multi");
    program.end().with_code(7).prints(&["goes on"]);
}

#[test]
fn a_run_that_has_ended_leaves_another_run_alone() {
    each(&["join", "handle"], |program| {
        program
            .end()
            .with_code(0)
            .prints(&["server: drain", "server: drain done"]);
    });
}

#[test]
fn a_program_goes_on_after_its_runtime_has_ended() {
    let scenarios = [
        "manual-drop",
        "manual-timeout",
        "manual-background",
        "manual-channel",
        "manual-join",
        "manual-park",
        "manual-busy",
        "manual-other-runtime",
        "manual-new-runtime",
    ];
    each(&scenarios, |program| {
        program.end().with_code(7).prints(&["goes on"]);
    });
}

#[cfg(target_os = "linux")]
#[test]
fn a_read_of_standard_input_does_not_keep_the_process() {
    let scenarios = [
        "reads",
        "reads-dropped",
        "reads-outside",
        "reads-spawned",
        "reads-last",
    ];
    each(&scenarios, |program| {
        let ended = program.end().with_code(0);
        assert_eq!(ended.report, "");
    });
}

#[cfg(target_os = "linux")]
#[test]
fn a_failure_is_reported_though_the_runtime_does_not_end() {
    each(&["reads-and-fails"], |program| {
        program.end().with_code(1).reports("no input");
    });
}

#[test]
fn a_program_that_ends_by_itself_has_its_own_exit_code() {
    each(&["reads-exits"], |program| {
        program.end().with_code(3);
    });
}
