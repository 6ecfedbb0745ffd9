//! A real Prometheus scrapes applications, among them the identity server of the examples, and evaluates the alerts that
//! ship with `lifecycle-ops`. Needs Debian's `prometheus` and `sqlite3`.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use browser_tests::{Program, ports};
use serde_json::Value;

fn wall(port: u16, mode: &str) -> Program {
    let mut wall = Command::new(env!("CARGO_BIN_EXE_wall"));
    Program::start(wall.args([&port.to_string(), "20", mode]))
}

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = format!("lifecycle-{name}-{}", std::process::id());
        let folder = std::env::temp_dir().join(folder);
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }
}

impl Folder {
    /// A file for what a program says; shown when the test fails.
    fn log(&self, program: &str) -> Stdio {
        fs::File::create(self.0.join(program).with_extension("log"))
            .unwrap()
            .into()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for file in fs::read_dir(&self.0).into_iter().flatten().flatten() {
                let path = file.path();
                if path.extension().is_some_and(|extension| extension == "log") {
                    let said = fs::read_to_string(&path).unwrap_or_default();
                    eprintln!("{}:\n{said}", path.display());
                }
            }
        }
        let _ = fs::remove_dir_all(&self.0);
    }
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

/// Scrapes these addresses, each as a job of its own, with what else its configuration says.
fn prometheus(folder: &Folder, port: u16, jobs: &[(&str, String, &str)]) -> Program {
    let jobs = jobs.iter().map(|(job, target, more)| {
        format!("- job_name: {job}\n  static_configs: [{{ targets: ['{target}'] }}]\n{more}")
    });
    let config = format!(
        "global: {{ scrape_interval: 500ms, scrape_timeout: 500ms, evaluation_interval: 500ms }}\n\
         rule_files: [lifecycle.yml]\n\
         scrape_configs:\n{}",
        jobs.collect::<String>()
    );
    fs::write(folder.0.join("prometheus.yml"), config).unwrap();
    fs::write(folder.0.join("lifecycle.yml"), impatient_rules()).unwrap();
    let mut prometheus = Command::new("prometheus");
    let config = folder.0.join("prometheus.yml");
    prometheus
        .arg(format!("--config.file={}", config.display()))
        .arg(format!(
            "--storage.tsdb.path={}",
            folder.0.join("tsdb").display()
        ))
        .arg(format!("--web.listen-address=127.0.0.1:{port}"));
    Program::start_with(&mut prometheus, folder.log("prometheus"))
}

/// What a server answers; `None` while it does not.
fn got(port: u16, path: &str) -> Option<String> {
    let mut socket = TcpStream::connect(("127.0.0.1", port)).ok()?;
    socket.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    // Without chunks.
    write!(socket, "GET {path} HTTP/1.0\r\nhost: 127.0.0.1\r\n\r\n").ok()?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer).ok()?;
    let (_, body) = answer.split_once("\r\n\r\n")?;
    Some(body.to_owned())
}

/// What Prometheus answers; `None` while it does not.
fn asked(port: u16, path: &str) -> Option<Value> {
    serde_json::from_str(&got(port, path)?).ok()
}

/// The alerts that are on, each as `job: name service`; `None` while Prometheus does not answer.
fn firing(port: u16) -> Option<BTreeSet<String>> {
    let answer = asked(port, "/api/v1/alerts")?;
    let alerts = answer["data"]["alerts"].as_array()?;
    let firing = alerts.iter().filter(|alert| alert["state"] == "firing");
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
    Some(shown.collect())
}

/// What went wrong with the last scrape of each target, if anything did.
fn scrape_errors(port: u16) -> Vec<String> {
    let answer = asked(port, "/api/v1/targets").unwrap_or_default();
    let targets = answer["data"]["activeTargets"].as_array();
    let error = |target: &Value| target["lastError"].as_str().unwrap_or("?").to_owned();
    targets.into_iter().flatten().map(error).collect()
}

/// The value of a query that has one sample now.
fn value(port: u16, query: &str) -> Option<f64> {
    let query: String = url::form_urlencoded::byte_serialize(query.as_bytes()).collect();
    let answer = asked(port, &format!("/api/v1/query?query={query}"))?;
    let samples = answer["data"]["result"].as_array()?;
    assert!(samples.len() < 2, "{query}: {samples:?}");
    samples.first()?["value"][1].as_str()?.parse().ok()
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_mins(2);
    while !holds() {
        assert!(Instant::now() < end, "{what}");
        sleep(Duration::from_millis(200));
    }
}

/// The failure is made: a service that fails each time it is up, a tick that never ends, and a store of leases that is
/// away. Beside it runs an application in which all is well, so that a rule which is always true fails.
#[test]
fn each_alert_goes_off_on_a_failure_that_is_made_and_on_nothing_else() {
    let folder = Folder::new("alerts");
    let targets = [ports::free(), ports::free()];
    let _well = wall(targets[1], "leading");
    wait_until("it is ready", || {
        got(targets[1], "/metrics").is_some_and(|metrics| metrics.contains("\nlifecycle_ready 1\n"))
    });
    let _bad = wall(targets[0], "alarming");
    let port = ports::free();
    let [bad, well] = targets.map(|port| format!("127.0.0.1:{port}"));
    let _prometheus = prometheus(&folder, port, &[("bad", bad, ""), ("well", well, "")]);
    let expected = [
        "bad: LifecycleCrashLoop feed",
        "bad: LifecycleLeaseFree report",
        "bad: LifecycleNotReady",
        "bad: LifecycleScheduleSilent gc",
    ];
    let expected: BTreeSet<String> = expected.map(str::to_owned).into();
    wait_until("the alerts are on", || {
        let firing = firing(port).unwrap_or_default();
        assert!(firing.is_subset(&expected), "{firing:?}");
        firing == expected
    });
    wait_until("both are scraped", || scrape_errors(port) == ["", ""]);
}

/// The program. It belongs to another workspace, so Cargo gives this one no path to it; asked as the tests of its own
/// workspace ask, Cargo has mostly built it.
fn identity() -> PathBuf {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
    let built = Command::new(env!("CARGO"))
        .args(["test", "--all-features", "--test", "identity", "--no-run"])
        .args(["--message-format=json", "--manifest-path", manifest])
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    let told = String::from_utf8(built.stdout).unwrap();
    let messages = told
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok());
    let mut programs = messages.filter_map(|message: Value| {
        let is_it =
            message["target"]["name"] == "identity" && message["target"]["kind"][0] == "bin";
        let program = message["executable"].as_str().filter(|_| is_it)?;
        Some(PathBuf::from(program))
    });
    programs.next_back().expect("the program is built")
}

/// Another program that has the database for itself until it is dropped.
fn lock(database: &Path) -> Program {
    let sqlite = Command::new("sqlite3")
        .arg(database)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let mut sqlite = Program(sqlite.unwrap());
    let orders = b"begin exclusive; select 'locked';\n";
    sqlite.0.stdin.as_mut().unwrap().write_all(orders).unwrap();
    let mut told = [0; 6];
    let answers = sqlite.0.stdout.as_mut().unwrap();
    answers.read_exact(&mut told).unwrap();
    assert_eq!(&told, b"locked");
    sqlite
}

/// The failure is made: another program has locked the database, so the store does not come up. Then it lets go.
#[test]
fn the_flagship_is_scraped_and_its_alert_goes_off_while_its_database_is_locked() {
    let identity = identity();
    let folder = Folder::new("flagship");
    let (ops, port) = (ports::free(), ports::free());
    let data = folder.0.join("data");
    fs::create_dir_all(&data).unwrap();
    let settings = format!(
        "data = '{}'\napi.listen = '127.0.0.1:0'\nops.listen = 'localhost:{ops}'\nopaque.gc.interval = '1s'\n",
        data.display()
    );
    fs::write(folder.0.join("identity.toml"), settings).unwrap();
    let locked = lock(&data.join("identity.sqlite"));
    let mut identity = Command::new(identity);
    identity
        .args(["--config", "identity.toml"])
        .current_dir(&folder.0);
    let _identity = Program::start_with(&mut identity, folder.log("identity"));
    // It asks for no token: only orders need one. Prometheus may be configured to send one to all of its targets.
    let bearer = "  authorization: { credentials: swordfish }\n";
    let jobs = [("identity", format!("localhost:{ops}"), bearer)];
    let _prometheus = prometheus(&folder, port, &jobs);

    let alert = BTreeSet::from(["identity: LifecycleNotReady".to_owned()]);
    let is = |service: &str, state: &str| {
        let labels = format!("service=\"{service}\", state=\"{state}\"");
        value(port, &format!("lifecycle_service_state{{{labels}}}")) == Some(1.0)
    };
    wait_until("the alert is on", || {
        firing(port).is_some_and(|firing| firing == alert)
            && is("store", "starting")
            && is("api", "waiting")
            && scrape_errors(port) == [""]
    });

    drop(locked);
    let ticks = "lifecycle_ticks_total{service=\"tokenizer\", outcome=\"success\"}";
    let missed = "lifecycle_ticks_missed_total{service=\"tokenizer\"}";
    wait_until("it runs and ticks, and the alert is off", || {
        firing(port).is_some_and(|firing| firing.is_empty())
            && is("api", "running")
            && value(port, "lifecycle_ready") == Some(1.0)
            && value(port, ticks).is_some_and(|ticks| ticks > 2.0)
            && value(port, missed).is_some()
    });
}
