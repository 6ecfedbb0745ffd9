//! A real Prometheus scrapes applications and evaluates the alerts that ship with `lifecycle-ops`. Needs Debian's
//! `prometheus`.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

/// A program that ends with the test.
struct Program(Child);

impl Program {
    fn start(command: &mut Command) -> Self {
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        Self(child.unwrap_or_else(|error| panic!("{command:?}: {error}")))
    }

    fn wall(port: u16, mode: &str) -> Self {
        let mut wall = Command::new(env!("CARGO_BIN_EXE_wall"));
        Self::start(wall.args([&port.to_string(), "20", mode]))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let folder =
            std::env::temp_dir().join(format!("lifecycle-prometheus-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// The rules as they ship, with seconds for minutes and hours: each time that is known must be there.
fn impatient_rules() -> String {
    let mut rules = include_str!("../../lifecycle-ops/alerts/lifecycle.yml").to_owned();
    for (patient, impatient) in [
        ("> 300)", "> 5)"),
        ("[1h]", "[8s]"),
        ("for: 1m", "for: 1s"),
        ("[10m]", "[10s]"),
        ("for: 5m", "for: 3s"),
        ("for: 2m", "for: 2s"),
    ] {
        assert!(rules.contains(patient), "no `{patient}` in the rules");
        rules = rules.replace(patient, impatient);
    }
    rules
}

fn prometheus(folder: &Path, port: u16, targets: [u16; 2]) -> Program {
    let [bad, well] = targets;
    let config = format!(
        "global: {{ scrape_interval: 500ms, scrape_timeout: 500ms, evaluation_interval: 500ms }}\n\
         rule_files: [lifecycle.yml]\n\
         scrape_configs:\n\
         - job_name: bad\n  static_configs: [{{ targets: ['127.0.0.1:{bad}'] }}]\n\
         - job_name: well\n  static_configs: [{{ targets: ['127.0.0.1:{well}'] }}]\n"
    );
    fs::write(folder.join("prometheus.yml"), config).unwrap();
    fs::write(folder.join("lifecycle.yml"), impatient_rules()).unwrap();
    Program::start(
        Command::new("prometheus")
            .arg(format!(
                "--config.file={}",
                folder.join("prometheus.yml").display()
            ))
            .arg(format!(
                "--storage.tsdb.path={}",
                folder.join("data").display()
            ))
            .arg(format!("--web.listen-address=127.0.0.1:{port}")),
    )
}

/// What Prometheus answers; `None` while it does not.
fn asked(port: u16, path: &str) -> Option<Value> {
    let mut socket = TcpStream::connect(("127.0.0.1", port)).ok()?;
    socket.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    // Without chunks.
    write!(socket, "GET {path} HTTP/1.0\r\nhost: 127.0.0.1\r\n\r\n").ok()?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer).ok()?;
    let (_, body) = answer.split_once("\r\n\r\n")?;
    serde_json::from_str(body).ok()
}

/// The alerts that are on, each as `job: name service`.
fn firing(port: u16) -> BTreeSet<String> {
    let answer = asked(port, "/api/v1/alerts").unwrap_or_default();
    let alerts = answer["data"]["alerts"].as_array();
    let firing = alerts
        .into_iter()
        .flatten()
        .filter(|alert| alert["state"] == "firing");
    let shown = firing.map(|alert| {
        let label = |name: &str| alert["labels"][name].as_str().unwrap_or_default();
        let shown = format!(
            "{}: {} {}",
            label("job"),
            label("alertname"),
            label("service")
        );
        shown.trim_end().to_owned()
    });
    shown.collect()
}

/// The failure is made: a service that fails each time it is up, a tick that never ends, and a store of
/// leases that is away. Beside it runs an application
/// in which all is well, so that a rule which is always true fails.
#[test]
fn each_alert_goes_off_on_a_failure_that_is_made_and_on_nothing_else() {
    let folder = Folder::new();
    let targets = [free_port(), free_port()];
    let _bad = Program::wall(targets[0], "alarming");
    let _well = Program::wall(targets[1], "leading");
    let port = free_port();
    let _prometheus = prometheus(&folder.0, port, targets);
    let expected = [
        "bad: LifecycleCrashLoop feed",
        "bad: LifecycleLeaseFree report",
        "bad: LifecycleNotReady",
        "bad: LifecycleScheduleSilent gc",
    ];
    let expected: BTreeSet<String> = expected.map(str::to_owned).into();
    let end = Instant::now() + Duration::from_mins(1);
    loop {
        let firing = firing(port);
        assert!(
            firing.iter().all(|alert| alert.starts_with("bad")),
            "{firing:?}"
        );
        if firing == expected {
            break;
        }
        assert!(Instant::now() < end, "only {firing:?}");
        sleep(Duration::from_millis(200));
    }
    let targets = asked(port, "/api/v1/targets").unwrap();
    let targets = targets["data"]["activeTargets"].as_array().unwrap();
    let errors: Vec<&Value> = targets.iter().map(|target| &target["lastError"]).collect();
    assert_eq!(errors, ["", ""], "both are scraped");
}
