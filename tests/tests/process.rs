//! Whole programs: signals, exit codes, and code that blocks its thread (rules 14 and 21), on real processes.

#![cfg(all(unix, feature = "signal"))]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead, BufReader, Lines, Read};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

/// Far more than any of these programs needs; one that takes longer is killed, and its test fails.
const BOUND: Duration = Duration::from_secs(10);

const RUNTIMES: [&str; 2] = ["current", "multi"];

/// A program under way.
struct Program {
    process: Child,
    lines: Lines<BufReader<ChildStdout>>,
    seen: Vec<String>,
    over: Sender<()>,
}

/// How it ended.
#[derive(Debug)]
struct Ended {
    code: Option<i32>,
    signal: Option<i32>,
    lines: Vec<String>,
    report: String,
}

impl Program {
    fn start(scenario: &str, runtime: &str) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_fixture"))
            .args([scenario, runtime])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let (over, waits) = channel();
        let id = process.id();
        thread::spawn(move || {
            if waits
                .recv_timeout(BOUND)
                .is_err_and(|why| why == std::sync::mpsc::RecvTimeoutError::Timeout)
            {
                send(id, "-KILL");
            }
        });
        Self {
            process,
            lines,
            seen: Vec::new(),
            over,
        }
    }

    /// Reads on until the program has printed this line.
    fn until(self, line: &str) -> Self {
        self.until_times(1, line)
    }

    /// Reads on until the program has printed lines with this end so many times.
    fn until_times(mut self, times: usize, line: &str) -> Self {
        while self.seen.iter().filter(|seen| seen.ends_with(line)).count() < times {
            match self.lines.next() {
                Some(printed) => self.seen.push(printed.unwrap()),
                None => panic!("`{line}` never came: {:#?}", self.end()),
            }
        }
        self
    }

    /// Sends a signal: `-TERM`.
    fn signal(self, signal: &str) -> Self {
        send(self.process.id(), signal);
        self
    }

    fn end(mut self) -> Ended {
        let mut stderr = self.process.stderr.take().unwrap();
        let report = thread::spawn(move || {
            let mut text = String::new();
            stderr.read_to_string(&mut text).unwrap();
            text
        });
        self.seen.extend(self.lines.map_while(Result::ok));
        let status = self.process.wait().unwrap();
        let _ = self.over.send(());
        Ended {
            code: status.code(),
            signal: status.signal(),
            lines: self.seen,
            report: report.join().unwrap(),
        }
    }
}

fn send(process: u32, signal: &str) {
    let sent = Command::new("kill")
        .args([signal, &process.to_string()])
        .status();
    assert!(sent.unwrap().success());
}

impl Ended {
    /// Asserts that it ended in time, by itself, with this code.
    fn with_code(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    /// Asserts that this signal ended it, by its default action.
    fn by_signal(self, signal: i32) -> Self {
        assert_eq!(self.signal, Some(signal), "{self:#?}");
        self
    }

    /// Asserts that the report says this.
    fn reports(self, text: &str) -> Self {
        assert!(self.report.contains(text), "no `{text}`: {self:#?}");
        self
    }

    /// Asserts that these lines were printed, in this order.
    fn prints(self, lines: &[&str]) -> Self {
        let places = lines
            .iter()
            .map(|line| self.lines.iter().position(|printed| printed == line));
        let places: Vec<_> = places.collect();
        assert!(
            places.iter().all(Option::is_some) && places.is_sorted(),
            "{lines:?}: {self:#?}"
        );
        self
    }
}

/// Once for each runtime.
fn on_each(test: impl Fn(&str)) {
    for runtime in RUNTIMES {
        test(runtime);
    }
}

#[test]
fn sigterm_and_sigint_stop_in_order_and_exit_with_zero() {
    on_each(|runtime| {
        for signal in ["-TERM", "-INT"] {
            Program::start("serve", runtime)
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
fn a_clean_stop_prints_no_report() {
    on_each(|runtime| {
        let ended = Program::start("stops-itself", runtime).end().with_code(0);
        assert_eq!(ended.report, "");
    });
}

#[test]
fn handlers_are_installed_before_the_first_service_starts() {
    on_each(|runtime| {
        let ended = Program::start("raises", runtime).end().with_code(0);
        assert_eq!(ended.lines[0], "raised");
        assert!(
            !ended.lines.contains(&"api: drain".to_owned())
                || ended.lines.contains(&"api: startup".to_owned())
        );
    });
}

#[test]
fn a_second_signal_ends_the_process_at_once_though_every_thread_is_blocked() {
    on_each(|runtime| {
        for (second, code) in [("-TERM", 128 + 15), ("-INT", 128 + 2)] {
            let program = Program::start("blocks-all", runtime);
            let threads = if runtime == "multi" { 2 } else { 1 };
            program
                .until_times(threads, ": run")
                .signal("-TERM")
                .until("asked: received SIGTERM")
                .signal(second)
                .end()
                .with_code(code);
        }
    });
}

#[test]
fn a_second_signal_ends_the_shutdown_delay_and_the_process() {
    on_each(|runtime| {
        Program::start("delayed", runtime)
            .until("api: run")
            .signal("-TERM")
            .until("asked: received SIGTERM")
            .signal("-TERM")
            .end()
            .with_code(128 + 15);
    });
}

#[test]
fn sigint_skips_the_shutdown_delay() {
    on_each(|runtime| {
        Program::start("delayed", runtime)
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
        Program::start("after-stop", runtime)
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
        Program::start("twice", runtime)
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
        let ended = Program::start("two-at-once", runtime)
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
        Program::start("one-of-two", runtime)
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
        Program::start("signals-off", runtime)
            .until("api: run")
            .signal("-TERM")
            .end()
            .by_signal(15);
    });
}

#[test]
fn a_failing_service_exits_with_one_and_the_report_names_it_and_the_cause_first() {
    on_each(|runtime| {
        let ended = Program::start("fails", runtime).end().with_code(1);
        let report: Vec<_> = ended.report.lines().collect();
        assert_eq!(report[0], "stopped: service `api` failed in run: disk full");
        assert_eq!(report[1], "  service `store` failed in drain: cannot flush");
        assert_eq!(report.len(), 3, "{report:#?}");
    });
}

#[test]
fn a_failure_under_ignore_exits_with_zero_and_is_reported() {
    on_each(|runtime| {
        Program::start("fails-ignored", runtime)
            .until("metrics: drain done")
            .signal("-TERM")
            .end()
            .with_code(0)
            .reports("service `metrics` failed in run: no port");
    });
}

#[test]
fn async_code_that_hangs_is_dropped_and_named_in_time() {
    on_each(|runtime| {
        Program::start("hangs", runtime)
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
            Program::start(scenario, runtime)
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
fn the_deadline_holds_against_a_drain_that_blocks_its_thread() {
    on_each(|runtime| {
        Program::start("blocks-in-drain", runtime)
            .until("bad: run")
            .signal("-TERM")
            .end()
            .with_code(1)
            .reports("service `bad` did not stop in time: dropped in drain");
    });
}

#[test]
fn the_deadline_holds_against_a_task_that_blocks_its_thread() {
    on_each(|runtime| {
        Program::start("blocks-in-task", runtime)
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
        Program::start("blocks-in-destructor", runtime)
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
        Program::start("waits-for-blocking-code", runtime)
            .until("bad: blocks")
            .signal("-TERM")
            .end()
            .with_code(1)
            .reports("service `bad` did not stop in time: dropped in run");
    });
}

#[test]
fn the_deadline_holds_against_blocking_code_that_run_has_left_behind() {
    on_each(|runtime| {
        let ended = Program::start("leaves-blocking-code", runtime)
            .until("bad: blocks")
            .signal("-TERM")
            .end();
        assert!(
            ended.signal.is_none(),
            "the end of the runtime waits for it: {ended:#?}"
        );
    });
}

#[test]
fn a_program_that_goes_on_after_the_stop_is_left_alone() {
    on_each(|runtime| {
        for (scenario, line, code) in [("goes-on", "api: run", 0), ("goes-on-late", "a: run", 1)] {
            let goes_on = format!("goes on with {code}");
            Program::start(scenario, runtime)
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
    Program::start("blocks-beside-others", "multi")
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
fn a_drain_that_blocks_its_thread_is_given_up_and_the_others_are_stopped() {
    Program::start("drains-beside-others", "multi")
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
    Program::start("drains-above-others", "multi")
        .until("bad: run")
        .signal("-TERM")
        .end()
        .with_code(1)
        .prints(&["bad: blocks", "store: drain done"]);
    Program::start("blocks-after-stop", "multi")
        .end()
        .with_code(1)
        .prints(&["bad: blocks", "store: drain done"]);
}
