//! The program as a process: it serves, and what a client was told is on the disk after SIGTERM, whenever that comes.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::Path,
    process::{Child, ChildStderr, Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use rusqlite::Connection;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Long enough for a busy machine; a test that needs it all has failed.
const PATIENCE: Duration = Duration::from_secs(60);

struct Program {
    folder: TempDir,
    child: Child,
    log: BufReader<ChildStderr>,
    lines: Vec<String>,
    api: String,
    opamp: String,
    _watch: mpsc::Sender<()>,
}

struct Finished {
    folder: TempDir,
    code: Option<i32>,
    lines: Vec<String>,
}

impl Program {
    fn start(settings: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("signoz.toml");
        let text = format!(
            "data = \"{}\"\nops.listen = \"\"\npprof.listen = \"\"\napi.listen = \"127.0.0.1:0\"\nopamp.listen = \"127.0.0.1:0\"\n{settings}",
            folder.path().join("data").display()
        );
        fs::write(&file, text).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_signoz"));
        command.arg(&file).env("NO_COLOR", "1");
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        let (watch, over) = mpsc::channel();
        let process = Pid::from_child(&child);
        thread::spawn(move || {
            if over.recv_timeout(PATIENCE) == Err(mpsc::RecvTimeoutError::Timeout) {
                let _ = kill_process(process, Signal::KILL);
            }
        });
        let mut program = Self {
            folder,
            child,
            log,
            lines: Vec::new(),
            api: String::new(),
            opamp: String::new(),
            _watch: watch,
        };
        program.opamp = program.address("opamp listens");
        program.api = program.address("api listens");
        program
    }

    fn address(&mut self, listens: &str) -> String {
        let line = self.until(listens);
        line.rsplit('=').next().unwrap().trim().to_owned()
    }

    /// Reads on until a line of the log holds this text.
    fn until(&mut self, text: &str) -> String {
        let past = self.lines.iter().find(|line| line.contains(text)).cloned();
        if let Some(line) = past {
            return line;
        }
        loop {
            let mut line = String::new();
            assert!(
                self.log.read_line(&mut line).unwrap() > 0,
                "it never said `{text}`:\n{}",
                self.lines.concat()
            );
            self.lines.push(line.clone());
            if line.contains(text) {
                return line;
            }
        }
    }

    fn ask(&self, method: &str, path: &str, token: &str, body: &Value) -> Option<(u16, String)> {
        let mut client = TcpStream::connect(&self.api).ok()?;
        let body = body.to_string();
        let length = body.len();
        write!(
            client,
            "{method} {path} HTTP/1.1\r\nhost: signoz\r\nconnection: close\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        )
        .ok()?;
        let mut answer = String::new();
        client.read_to_string(&mut answer).ok()?;
        let status = answer.split(' ').nth(1)?.parse().ok()?;
        Some((status, answer.split_once("\r\n\r\n")?.1.to_owned()))
    }

    fn log_in(&self) -> String {
        let login = json!({ "key": "change me" });
        let (status, body) = self.ask("POST", "/api/v1/login", "", &login).unwrap();
        assert_eq!(status, 200, "{body}");
        let body: Value = serde_json::from_str(&body).unwrap();
        body["token"].as_str().unwrap().to_owned()
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    fn end(mut self) -> Finished {
        let rest = self.log.lines().map(|line| line.unwrap() + "\n");
        self.lines.extend(rest);
        Finished {
            folder: self.folder,
            code: self.child.wait().unwrap().code(),
            lines: self.lines,
        }
    }
}

impl Finished {
    fn stopped_dependents_first(&self) {
        let order = |service: &str| {
            let text = format!("stopped service={service}\n");
            let place = self.lines.iter().position(|line| line.ends_with(&text));
            place.unwrap_or_else(|| panic!("{text}"))
        };
        for (first, then) in [
            ("api", "tokenizer"),
            ("api", "auditor"),
            ("rules", "batcher"),
            ("batcher", "servers"),
            ("statsreporter", "analytics"),
            ("analytics", "cloud"),
            ("cloud", "instrumentation"),
        ] {
            assert!(order(first) < order(then), "{first} before {then}");
        }
    }

    fn clean(self) -> TempDir {
        assert_eq!(self.code, Some(0), "{}", self.lines.concat());
        self.folder
    }
}

fn lines_of(folder: &Path, file: &str) -> Vec<Value> {
    let text = fs::read_to_string(folder.join("data").join(file)).unwrap_or_default();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn it_serves_and_every_drain_is_seen_after_sigterm() {
    let mut program = Program::start("");
    let token = program.log_in();
    let ask =
        |method: &str, path: &str, body: Value| program.ask(method, path, &token, &body).unwrap();
    assert_eq!(
        program
            .ask("GET", "/api/v1/events", "forged", &json!(null))
            .unwrap()
            .0,
        401
    );
    assert_eq!(
        ask("POST", "/api/v1/events", json!({ "name": "error" })).0,
        201
    );
    assert_eq!(
        ask("GET", "/api/v1/events", json!(null)).1,
        "{\"events\":1}"
    );
    let rule = json!({ "name": "", "organization": "default", "event": "error", "threshold": 0, "frequency_ms": 100 });
    assert_eq!(ask("PUT", "/api/v1/rules/errors", rule).0, 204);
    let (status, health) = ask("GET", "/readyz", json!(null));
    assert!(
        status == 200 && health.contains("rules/errors"),
        "{status} {health}"
    );
    let mut agent = TcpStream::connect(&program.opamp).unwrap();
    agent.write_all(b"collector-1 0.9\n").unwrap();
    let mut agent = BufReader::new(agent);
    let mut line = String::new();
    agent.read_line(&mut line).unwrap();
    assert_eq!(line, "receivers: []\n");

    // The license is checked, and the alert told, before the end.
    let cloud = |path: &str| {
        let calls = lines_of(program.folder.path(), "cloud.jsonl");
        calls.iter().any(|call| call["path"] == path)
    };
    while !cloud("/license") || !cloud("/notify/default") {
        thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(
        ask("GET", "/api/v1/license", json!(null)).1,
        "{\"plan\":\"enterprise\"}"
    );
    program.signal(Signal::TERM);
    program.until("stopped service=instrumentation");
    let finished = program.end();
    finished.stopped_dependents_first();
    line.clear();
    assert_eq!(agent.read_line(&mut line).unwrap(), 0);
    let folder = finished.clean();
    told_everything(folder.path());
    kept_everything(folder.path());
}

/// What the drains of `auditor`, `instrumentation`, `statsreporter`, `analytics` and `usage` have written or sent.
fn told_everything(folder: &Path) {
    let audited = lines_of(folder, "audit.jsonl");
    let actions: Vec<_> = audited.iter().map(|it| &it["action"]).collect();
    assert_eq!(actions, ["login", "event", "save rule errors"]);
    // The decorator has counted.
    let metrics = lines_of(folder, "metrics.jsonl");
    assert_eq!(metrics.last().unwrap()["tokenizer.issue"], 1);

    let spans = lines_of(folder, "traces.jsonl");
    let spans: Vec<_> = spans.iter().map(|it| &it["name"]).collect();
    assert_eq!(spans, actions);

    let cloud = lines_of(folder, "cloud.jsonl");
    let of = |path: &str| {
        let calls = cloud.iter().filter(|call| call["path"] == path);
        calls.map(|call| &call["body"]).collect::<Vec<_>>()
    };
    let tracked = of("/analytics").last().unwrap().as_array().unwrap();
    assert_eq!(tracked.last().unwrap()["event"], "stats");
    let used: Vec<_> = of("/usage")
        .iter()
        .map(|it| it["events"].as_i64())
        .collect();
    assert_eq!((used.len(), used.into_iter().flatten().sum()), (2, 1));
}

/// What the drains of `tokenizer` and of the members of `servers` have put in the database.
fn kept_everything(folder: &Path) {
    let database = Connection::open(folder.join("data/signoz.sqlite")).unwrap();
    let seen = "SELECT count(*) FROM token WHERE seen_at IS NOT NULL";
    let seen: i64 = database.query_row(seen, (), |row| row.get(0)).unwrap();
    let snapshot = "SELECT snapshot FROM organization";
    let snapshot: String = database.query_row(snapshot, (), |row| row.get(0)).unwrap();
    assert_eq!((seen, &*snapshot), (1, "{\"errors\":1}"));
}

/// What a client was told is there: each event that was answered with 201 is in the database and in the audit log.
#[test]
fn sigterm_at_any_moment_loses_nothing_that_was_answered() {
    for moment in [0, 3, 10, 30, 60] {
        let program = Program::start("log = true\naudit.interval = \"1h\"");
        let token = program.log_in();
        let accepted = thread::scope(|scope| {
            let client = scope.spawn(|| {
                let event = json!({ "name": "click" });
                let mut accepted = 0;
                while let Some((201, _)) = program.ask("POST", "/api/v1/events", &token, &event) {
                    accepted += 1;
                }
                accepted
            });
            thread::sleep(Duration::from_millis(moment));
            program.signal(Signal::TERM);
            client.join().unwrap()
        });
        let folder = program.end().clean();
        let audited = lines_of(folder.path(), "audit.jsonl");
        let audited = audited.iter().filter(|it| it["action"] == "event").count();
        let database = Connection::open(folder.path().join("data/signoz.sqlite")).unwrap();
        let count = "SELECT count(*) FROM event";
        let stored = database
            .query_row(count, (), |row| row.get::<_, i64>(0))
            .unwrap();
        assert!(
            audited >= accepted && stored >= i64::try_from(accepted).unwrap(),
            "{accepted} accepted, {audited} audited, {stored} stored"
        );
    }
}

#[test]
fn a_setting_that_does_not_exist_is_refused_before_anything_runs() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("signoz.toml");
    fs::write(&file, "[licensing]\nintervall = \"1h\"\n").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_signoz"))
        .arg(&file)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .contains("intervall")
    );
}
