//! The recipes as they are run: started, read until they have shown what they are for, stopped as by Ctrl-C.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

use std::{
    io::{BufRead, BufReader, Lines, Read, Write},
    net::TcpStream,
    process::{Child, ChildStdout, Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};

/// Long enough for a busy machine; a test that needs it all has failed.
const PATIENCE: Duration = Duration::from_secs(60);

struct Program {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    _watch: mpsc::Sender<()>,
}

impl Program {
    fn start(command: &mut Command) -> Self {
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (watch, over) = mpsc::channel();
        let process = Pid::from_child(&child);
        thread::spawn(move || {
            if over.recv_timeout(PATIENCE) == Err(mpsc::RecvTimeoutError::Timeout) {
                let _ = kill_process(process, Signal::KILL);
            }
        });
        Self {
            child,
            lines,
            _watch: watch,
        }
    }

    /// Reads on until a line holds this text.
    fn until(&mut self, text: &str) -> String {
        let mut lines = self.lines.by_ref().map(Result::unwrap);
        lines
            .find(|line| line.contains(text))
            .unwrap_or_else(|| panic!("it never said `{text}`"))
    }

    /// Ctrl-C; the rest of what it says.
    fn stop(self) -> Vec<String> {
        kill_process(Pid::from_child(&self.child), Signal::INT).unwrap();
        let (code, lines, error) = self.end();
        assert_eq!(code, Some(0), "{error}");
        lines
    }

    fn end(mut self) -> (Option<i32>, Vec<String>, String) {
        let lines = self.lines.map(Result::unwrap).collect();
        let mut error = String::new();
        let mut pipe = self.child.stderr.take().unwrap();
        pipe.read_to_string(&mut error).unwrap();
        (self.child.wait().unwrap().code(), lines, error)
    }
}

macro_rules! program {
    ($name:literal $(, $arg:expr)*) => {
        Program::start(
            Command::new(env!(concat!("CARGO_BIN_EXE_", $name)))
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                $(.arg($arg))*
        )
    };
}

#[test]
fn the_poller_outlives_its_partner() {
    let mut poller = program!("poller");
    poller.until("connected");
    poller.until("news 4");
    // The call between hangs and is dropped.
    poller.until("the partner has a bad day");
    poller.until("news 0");
    poller.stop();
}

#[test]
fn the_cache_has_its_first_rates_at_once_and_later_ones_in_time() {
    let mut cache = program!("cache");
    let first = cache.until("CHF");
    while cache.until("CHF") == first {}
    cache.stop();
}

#[test]
fn the_reporter_reports_the_rest_when_it_is_stopped() {
    let mut reporter = program!("reporter");
    reporter.until("requests");
    let rest = reporter.stop();
    assert!(
        rest.last().is_some_and(|line| line.ends_with("requests")),
        "{rest:?}"
    );
}

#[test]
fn the_nightly_job_runs_when_it_is_due() {
    let mut nightly = program!("nightly", "* * * * * *", "UTC");
    nightly.until("at * * * * * * in UTC");
    nightly.until("the books of the day are closed");
    nightly.stop();
}

#[test]
fn the_nightly_job_ends_before_it_begins_where_it_makes_no_sense() {
    for (cron, tz, expected) in [
        (
            "0 25 * * *",
            "UTC",
            "the hour `25` of `0 25 * * *` is not from 0 to 23",
        ),
        (
            "0 3 * * *",
            "Mars/Olympus_Mons",
            "the time zone `Mars/Olympus_Mons` of `tz = cfg.tz`",
        ),
    ] {
        let (code, lines, error) = program!("nightly", cron, tz).end();
        assert_eq!((code, lines.len()), (Some(1), 0), "{error}");
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn the_web_server_answers_what_it_has_when_it_is_stopped_and_waits_for_its_port() {
    let mut web = program!("web", "127.0.0.1:0");
    let line = web.until("listening on ");
    let address = line.rsplit(' ').next().unwrap();
    let get = |path: &str| {
        let mut client = TcpStream::connect(address).unwrap();
        write!(client, "GET {path} HTTP/1.1\r\nhost: web\r\n\r\n").unwrap();
        client
    };
    let read = |mut client: TcpStream| {
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        answer
    };
    let mut second = program!("web", address);
    let silent = TcpStream::connect(address).unwrap();
    let slow = get("/slow");
    web.until("somebody waits");
    web.stop();
    assert!(read(slow).ends_with("done\n"));
    drop(silent);
    second.until("listening on ");
    second.stop();
}

#[test]
fn tenants_come_and_go_and_a_dead_one_harms_no_other() {
    let mut tenants = program!("tenants", "127.0.0.1:0");
    let line = tenants.until("listening on ");
    let address = line.rsplit(' ').next().unwrap().to_owned();
    let ask = |method: &str, path: &str| {
        let mut client = TcpStream::connect(&address).unwrap();
        let head =
            format!("{method} {path} HTTP/1.1\r\nhost: tenants\r\nconnection: close\r\n\r\n");
        client.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        answer
    };
    for name in ["acme", "dead", "other"] {
        let added = ask("PUT", &format!("/tenants/{name}"));
        assert!(added.contains("201"), "{added}");
    }
    let taken = ask("PUT", "/tenants/acme");
    assert!(taken.contains("409"), "{taken}");
    while !ask("GET", "/tenants").contains("tenants/dead: backoff") {}
    tenants.until("acme: a report");
    let removed = ask("DELETE", "/tenants/acme");
    assert!(removed.contains("acme has stopped"), "{removed}");
    assert!(ask("DELETE", "/tenants/acme").contains("404"));
    tenants.until("acme: the last report");
    tenants.until("other: a report");
    let dead = ask("DELETE", "/tenants/dead");
    assert!(dead.contains("dead has stopped"), "{dead}");
    let rest = tenants.stop();
    assert!(
        rest.iter().any(|line| line == "other: the last report"),
        "{rest:?}"
    );
}

#[test]
fn every_event_is_in_the_file_after_the_stop() {
    let directory = tempfile::tempdir().unwrap();
    let mut events = program!("events", directory.path().join("events.sqlite"));
    events.until("100 events in a batch");
    let last = events.stop().pop().unwrap();
    let numbers: Vec<&str> = last
        .split(' ')
        .filter(|word| word.parse::<u64>().is_ok())
        .collect();
    assert!(numbers[0] == numbers[1] && numbers[0] != "0", "{last}");
}

#[test]
fn the_drift_is_reported() {
    let mut drift = program!("drift", "1");
    drift.until("scheduled services");
    drift.until("tokio::time::interval");
    assert_eq!(drift.end().0, Some(0));
}
