//! A child process: started, sent signals to, and watched by the lines it prints, never by sleeping.

use std::io::{BufRead, BufReader, Lines, Read};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

/// Far more than any of these programs needs; one that takes longer is killed, and its test fails.
const BOUND: Duration = Duration::from_secs(10);

/// A program under way.
#[derive(Debug)]
pub struct Program {
    process: Child,
    lines: Lines<BufReader<ChildStdout>>,
    seen: Vec<String>,
    over: Sender<()>,
}

/// How it ended.
#[derive(Debug)]
pub struct Ended {
    /// With which exit code, if it ended by itself.
    pub code: Option<i32>,
    /// By which signal, if one ended it.
    pub signal: Option<i32>,
    /// What it printed.
    pub lines: Vec<String>,
    /// What it printed to standard error.
    pub report: String,
}

impl Program {
    /// Starts it. It is killed when it takes far longer than it should.
    ///
    /// # Panics
    ///
    /// When there is no such program.
    #[must_use]
    pub fn start(path: &str, scenario: &str, runtime: &str) -> Self {
        Self::of(Command::new(path).args([scenario, runtime]))
    }

    /// Starts this command, with a standard input that stays open. It is killed when it takes far longer
    /// than it should.
    ///
    /// # Panics
    ///
    /// When there is no such program.
    #[must_use]
    pub fn of(command: &mut Command) -> Self {
        let mut process = command
            .stdin(Stdio::piped())
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
                .is_err_and(|why| why == RecvTimeoutError::Timeout)
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
    #[must_use]
    pub fn until(self, line: &str) -> Self {
        self.until_times(1, line)
    }

    /// Reads on until the program has printed lines with this end so many times.
    ///
    /// # Panics
    ///
    /// When it ends first.
    #[must_use]
    pub fn until_times(mut self, times: usize, line: &str) -> Self {
        while self.seen.iter().filter(|seen| seen.ends_with(line)).count() < times {
            match self.lines.next() {
                Some(printed) => self.seen.push(printed.unwrap()),
                None => panic!("`{line}` never came: {:#?}", self.end()),
            }
        }
        self
    }

    /// Sends a signal: `-TERM`.
    #[must_use]
    pub fn signal(self, signal: &str) -> Self {
        send(self.process.id(), signal);
        self
    }

    /// Sends a signal again and again, until the process has ended.
    ///
    /// # Panics
    ///
    /// When it can't be waited for.
    #[must_use]
    pub fn signal_until_its_end(mut self, signal: &str) -> Self {
        while self.process.try_wait().unwrap().is_none() {
            send(self.process.id(), signal);
            thread::sleep(Duration::from_millis(10));
        }
        self
    }

    /// Waits for its end.
    ///
    /// # Panics
    ///
    /// When it prints no text.
    #[must_use]
    pub fn end(mut self) -> Ended {
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

#[allow(
    clippy::must_use_candidate,
    clippy::return_self_not_must_use,
    reason = "the assertion is what they are called for"
)]
impl Ended {
    /// Asserts that it ended in time, by itself, with this code.
    ///
    /// # Panics
    ///
    /// When that is not so.
    #[allow(clippy::must_use_candidate, reason = "the assertion is what it is for")]
    #[allow(
        clippy::return_self_not_must_use,
        reason = "the assertion is what it is for"
    )]
    pub fn with_code(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    /// Asserts that this signal ended it, by its default action.
    ///
    /// # Panics
    ///
    /// When that is not so.
    #[allow(clippy::must_use_candidate, reason = "the assertion is what it is for")]
    #[allow(
        clippy::return_self_not_must_use,
        reason = "the assertion is what it is for"
    )]
    pub fn by_signal(self, signal: i32) -> Self {
        assert_eq!(self.signal, Some(signal), "{self:#?}");
        self
    }

    /// Asserts that the report says this.
    ///
    /// # Panics
    ///
    /// When that is not so.
    #[allow(clippy::must_use_candidate, reason = "the assertion is what it is for")]
    #[allow(
        clippy::return_self_not_must_use,
        reason = "the assertion is what it is for"
    )]
    pub fn reports(self, text: &str) -> Self {
        assert!(self.report.contains(text), "no `{text}`: {self:#?}");
        self
    }

    /// Asserts that these lines were printed, in this order.
    ///
    /// # Panics
    ///
    /// When that is not so.
    #[allow(clippy::must_use_candidate, reason = "the assertion is what it is for")]
    #[allow(
        clippy::return_self_not_must_use,
        reason = "the assertion is what it is for"
    )]
    pub fn prints(self, lines: &[&str]) -> Self {
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

/// Runs the test of a program for each kind of runtime it can have, at the same time.
pub fn on_each(test: impl Fn(&str) + Sync) {
    thread::scope(|scope| {
        scope.spawn(|| test("current"));
        test("multi");
    });
}
