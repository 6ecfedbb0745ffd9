//! The program under test, as a process: started with settings in a directory of its own, read through its log, stopped
//! by signals.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{Arc, Condvar, Mutex},
    thread,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

const IDENTITY: &str = env!("CARGO_BIN_EXE_identity");

/// Long enough for a busy machine; a test that needs it all has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// A directory with settings and data, for one or several runs.
pub struct Home {
    directory: TempDir,
}

pub struct Server {
    child: Child,
    log: Arc<Log>,
}

/// A run that is over.
pub struct Finished {
    pub code: Option<i32>,
    pub log: Vec<String>,
}

#[derive(Default)]
struct Log {
    lines: Mutex<(Vec<String>, bool)>,
    grew: Condvar,
}

impl Home {
    /// Settings are lines of TOML; whatever they say, the server listens on a free port of its own.
    pub fn new(settings: &str) -> Self {
        let home = Self {
            directory: TempDir::new().unwrap(),
        };
        home.configure(settings);
        home
    }

    pub fn configure(&self, settings: &str) {
        fs::write(self.settings(), settings).unwrap();
    }

    pub fn settings(&self) -> PathBuf {
        self.directory.path().join("identity.toml")
    }

    pub fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    pub fn database(&self) -> PathBuf {
        self.data().join("identity.sqlite")
    }

    pub fn spans(&self) -> PathBuf {
        self.data().join("spans.jsonl")
    }

    /// Starts the server and returns when it says where it listens.
    pub fn start(&self) -> (Server, SocketAddr) {
        self.launch(anywhere).listening()
    }

    /// Starts the server from a shell that has done this first, such as `umask 0`.
    pub fn start_after(&self, shell: &str) -> (Server, SocketAddr) {
        let mut command = Command::new("/bin/sh");
        command
            .arg("-c")
            .arg(format!("{shell}; exec \"$0\" \"$@\""))
            .arg(IDENTITY);
        Server::spawn(anywhere(self.arrange(&mut command))).listening()
    }

    /// Starts the server with an environment of the test's choice.
    pub fn launch(&self, environment: impl FnOnce(&mut Command) -> &mut Command) -> Server {
        let mut command = Command::new(IDENTITY);
        Server::spawn(environment(self.arrange(&mut command)))
    }

    fn arrange<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command
            .env_clear()
            .env("IDENTITY_DATA", self.data())
            .env("IDENTITY_OPS", "127.0.0.1:0")
            .arg("--config")
            .arg(self.settings())
    }
}

/// On a free port.
pub fn anywhere(command: &mut Command) -> &mut Command {
    command.env("IDENTITY_LISTEN", "127.0.0.1:0")
}

impl Server {
    pub fn spawn(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Arc::new(Log::default());
        let (stderr, reader) = (child.stderr.take().unwrap(), log.clone());
        thread::spawn(move || reader.read(stderr));
        Self { child, log }
    }

    /// The first line of the log that contains this text, as soon as there is one.
    pub fn wait_for(&self, text: &str) -> String {
        let lines = self.log.lines.lock().unwrap();
        let found = |lines: &[String]| lines.iter().find(|line| line.contains(text)).cloned();
        let (lines, _) = self
            .log
            .grew
            .wait_timeout_while(lines, PATIENCE, |(lines, ended)| {
                !*ended && found(lines).is_none()
            })
            .unwrap();
        found(&lines.0)
            .unwrap_or_else(|| panic!("no line with {text:?} in the log:\n{}", lines.0.join("\n")))
    }

    /// Waits until it says where it listens.
    pub fn listening(self) -> (Self, SocketAddr) {
        let line = self.wait_for("listening");
        let address = line.split("address=").nth(1).unwrap();
        let address = address.trim().parse().unwrap();
        (self, address)
    }

    /// The most memory it has had, in MiB.
    #[cfg(target_os = "linux")]
    pub fn peak_memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM"));
        let kib: u64 = line
            .unwrap()
            .split_whitespace()
            .nth(1)
            .unwrap()
            .parse()
            .unwrap();
        kib / 1024
    }

    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).unwrap();
    }

    /// Waits for the end of the process.
    pub fn finish(mut self) -> Finished {
        let lines = self.log.lines.lock().unwrap();
        let (mut lines, _) = self
            .log
            .grew
            .wait_timeout_while(lines, PATIENCE, |(_, ended)| !*ended)
            .unwrap();
        assert!(lines.1, "still running:\n{}", lines.0.join("\n"));
        let code = self.child.wait().unwrap().code();
        Finished {
            code,
            log: std::mem::take(&mut lines.0),
        }
    }

    /// Stops the server as a service manager does.
    pub fn terminate(self) -> Finished {
        self.signal(Signal::TERM);
        self.finish()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Only a test that fails leaves it running.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Finished {
    pub fn text(&self) -> String {
        self.log.join("\n")
    }

    /// Panics unless the process ended with this code.
    #[track_caller]
    pub fn expect_code(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "the log:\n{}", self.text());
        self
    }

    /// Where in the log a service reached a state.
    #[track_caller]
    pub fn moment(&self, service: &str, state: &str) -> usize {
        let line = format!(" {state} service={service}");
        let found = self.log.iter().position(|logged| logged.ends_with(&line));
        found.unwrap_or_else(|| panic!("no {line:?} in the log:\n{}", self.text()))
    }
}

impl Log {
    fn read(&self, from: impl Read) {
        for line in BufReader::new(from).lines() {
            self.lines.lock().unwrap().0.push(line.unwrap());
            self.grew.notify_all();
        }
        self.lines.lock().unwrap().1 = true;
        self.grew.notify_all();
    }
}
