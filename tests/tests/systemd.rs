//! What systemd is told, by a real process to a real socket: rule 36.

#![cfg(all(target_os = "linux", feature = "systemd", feature = "signal"))]

use std::io::{ErrorKind, Read};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use lifecycle_tests::Program;

/// The socket of systemd.
struct Listener {
    socket: UnixDatagram,
    path: PathBuf,
}

impl Listener {
    fn new(name: &str) -> Self {
        let file = format!("lifecycle-{}-{name}", std::process::id());
        let path = std::env::temp_dir().join(file);
        let _ = std::fs::remove_file(&path);
        let socket = UnixDatagram::bind(&path).unwrap();
        Self { socket, path }
    }

    fn start(&self, scenario: &str, watchdog: Option<&str>) -> Program {
        let mut command = Command::new(env!("CARGO_BIN_EXE_notified"));
        command.arg(scenario).env("NOTIFY_SOCKET", &self.path);
        if let Some(watchdog) = watchdog {
            command.env("WATCHDOG_USEC", watchdog);
        }
        Program::of(&mut command)
    }

    /// The next message, line by line; `None` if none comes within this time.
    fn within(&self, time: Duration) -> Option<Vec<String>> {
        self.socket.set_read_timeout(Some(time)).unwrap();
        let mut buffer = [0; 4096];
        match self.socket.recv(&mut buffer) {
            Ok(length) => {
                let text = std::str::from_utf8(&buffer[..length]).unwrap();
                Some(text.lines().map(str::to_owned).collect())
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                None
            }
        }
    }

    fn next(&self) -> Vec<String> {
        self.within(Duration::from_secs(10)).expect("a message")
    }

    fn is_silent(&self) {
        assert_eq!(self.within(Duration::from_millis(50)), None);
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

fn number(line: &str, key: &str) -> u64 {
    line.strip_prefix(key).unwrap().parse().unwrap()
}

#[test]
fn the_script_of_a_start_a_reload_and_a_stop() {
    let systemd = Listener::new("script");
    let program = systemd.start("serve", None);
    assert_eq!(systemd.next(), ["READY=1", "STATUS=2 of 2 services run"]);
    let program = program.signal("-HUP");
    let reloading = systemd.next();
    assert_eq!(reloading[0], "RELOADING=1");
    assert!(number(&reloading[1], "MONOTONIC_USEC=") > 0);
    assert_eq!(systemd.next(), ["READY=1"]);
    let program = program.signal("-TERM");
    let stopping = systemd.next();
    assert_eq!(stopping[0], "STOPPING=1");
    let left = number(&stopping[1], "EXTEND_TIMEOUT_USEC=");
    assert!((290_000_000..=300_000_000).contains(&left), "{left}");
    assert_eq!(stopping[2], "STATUS=stopping: received SIGTERM");
    program.end().with_code(0).prints(&["reloads"]);
    systemd.is_silent();
}

#[test]
fn a_start_that_fails_is_never_ready_and_its_error_is_one_line() {
    let systemd = Listener::new("fails");
    systemd.start("fails", None).end().with_code(1);
    let stopping = systemd.next();
    assert_eq!(stopping[0], "STOPPING=1");
    assert_eq!(
        stopping[2],
        "STATUS=stopping: service `api` failed in startup: no port"
    );
    assert_eq!(stopping.len(), 3);
    systemd.is_silent();
}

#[test]
fn a_start_that_takes_long_asks_for_more_time_and_tells_where_it_is() {
    let systemd = Listener::new("slow");
    systemd.start("slow-start", None).end().with_code(0);
    let more = "EXTEND_TIMEOUT_USEC=60000000";
    assert_eq!(
        systemd.next(),
        ["STATUS=0 of 2 services run; starting: store"]
    );
    assert_eq!(systemd.next(), [more]);
    assert_eq!(
        systemd.next(),
        ["STATUS=1 of 2 services run; starting: api"]
    );
    assert_eq!(systemd.next(), [more]);
    assert_eq!(systemd.next(), ["READY=1", "STATUS=2 of 2 services run"]);
    let stopping = systemd.next();
    assert_eq!(
        stopping,
        [
            "STOPPING=1",
            "EXTEND_TIMEOUT_USEC=25000000",
            "STATUS=stopping: stop requested"
        ]
    );
    systemd.is_silent();
}

#[test]
fn only_the_outermost_registry_speaks() {
    let systemd = Listener::new("nested");
    systemd.start("slow-nested", None).end().with_code(0);
    assert_eq!(systemd.next(), ["READY=1", "STATUS=1 of 1 services run"]);
    assert_eq!(systemd.next()[0], "STOPPING=1");
    systemd.is_silent();
}

#[test]
fn the_watchdog_is_answered_at_half_of_its_time() {
    let systemd = Listener::new("watchdog");
    let program = systemd.start("idles", Some("400000"));
    assert_eq!(systemd.next()[0], "READY=1");
    let began = Instant::now();
    for _ in 0..4 {
        assert_eq!(systemd.next(), ["WATCHDOG=1"]);
    }
    let took = began.elapsed();
    assert!(took >= Duration::from_millis(550), "{took:?}");
    program.signal("-TERM").end().with_code(0);
}

#[test]
fn a_blocked_runtime_answers_no_watchdog() {
    let systemd = Listener::new("blocked");
    let program = systemd.start("blocks", Some("200000"));
    assert_eq!(systemd.next()[0], "READY=1");
    assert_eq!(systemd.next(), ["WATCHDOG=1"]);
    let program = program.until("bad: blocks");
    while systemd.within(Duration::from_millis(1)).is_some() {}
    assert_eq!(systemd.within(Duration::from_millis(500)), None);
    program.signal_until_its_end("-KILL").end().by_signal(9);
}

/// The recipe of the guide. The shell hands the socket over as systemd does: as descriptor 3.
#[test]
fn a_socket_that_systemd_has_opened_is_served() {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    // This client comes before the program.
    let mut early = TcpStream::connect(address).unwrap();
    let mut program = Command::new("sh")
        .args([
            "-c",
            "exec 3<&0; LISTEN_FDS=1 LISTEN_PID=$$ exec \"$0\" activated",
        ])
        .arg(env!("CARGO_BIN_EXE_notified"))
        .stdin(OwnedFd::from(socket))
        .spawn()
        .unwrap();
    for client in [&mut early, &mut TcpStream::connect(address).unwrap()] {
        let mut greeting = String::new();
        client.read_to_string(&mut greeting).unwrap();
        assert_eq!(greeting, "hello");
    }
    let pid = program.id().to_string();
    let kill = Command::new("kill").args(["-TERM", &pid]).status();
    assert!(kill.unwrap().success());
    assert_eq!(program.wait().unwrap().code(), Some(0));
}

#[test]
fn without_a_socket_nothing_is_sent() {
    let program = Program::start(env!("CARGO_BIN_EXE_notified"), "serve", "");
    let program = program.until("store: startup done").signal("-TERM");
    program.end().with_code(0);
}
