//! What systemd is told by the server, on a socket of the test's own.
#![cfg(target_os = "linux")]

use std::{fs, os::unix::net::UnixDatagram, path::PathBuf, time::Duration};

use rustix::process::Signal;

use crate::server::{Home, anywhere};

/// The socket of systemd, and where it is.
fn listen(home: &Home) -> (UnixDatagram, PathBuf) {
    let path = home.settings().with_file_name("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    (socket, path)
}

/// The next message, line by line.
fn next(socket: &UnixDatagram) -> Vec<String> {
    let mut buffer = [0; 4096];
    let length = socket.recv(&mut buffer).unwrap();
    let text = std::str::from_utf8(&buffer[..length]).unwrap();
    text.lines().map(str::to_owned).collect()
}

fn number(line: &str, key: &str) -> u64 {
    line.strip_prefix(key).unwrap().parse().unwrap()
}

#[test]
fn the_script_of_a_start_a_reload_and_a_stop() {
    let home = Home::new("");
    let (socket, path) = listen(&home);
    let server = home.launch(|command| anywhere(command).env("NOTIFY_SOCKET", &path));

    assert_eq!(next(&socket), ["READY=1", "STATUS=7 of 7 services run"]);
    server.signal(Signal::HUP);
    let reloading = next(&socket);
    assert_eq!(reloading[0], "RELOADING=1");
    assert!(number(&reloading[1], "MONOTONIC_USEC=") > 0);
    assert_eq!(next(&socket), ["READY=1"]);
    server.wait_for("settings read again");
    server.signal(Signal::TERM);
    let stopping = next(&socket);
    assert_eq!(stopping[0], "STOPPING=1");
    let left = number(&stopping[1], "EXTEND_TIMEOUT_USEC=");
    assert!((15_000_000..=20_000_000).contains(&left), "{left}");
    assert_eq!(stopping[2], "STATUS=stopping: received SIGTERM");
    server.finish().expect_code(0);
    socket.set_nonblocking(true).unwrap();
    socket.recv(&mut [0]).unwrap_err();
}

/// `systemctl reload` may follow at once: systemd waits for its `RELOADING=1`.
#[test]
fn a_reload_at_the_moment_it_is_ready_is_told() {
    let home = Home::new("");
    let (socket, path) = listen(&home);
    for _ in 0..20 {
        let server = home.launch(|command| anywhere(command).env("NOTIFY_SOCKET", &path));
        assert_eq!(next(&socket)[0], "READY=1");
        server.signal(Signal::HUP);
        assert_eq!(next(&socket)[0], "RELOADING=1");
        assert_eq!(next(&socket), ["READY=1"]);
        server.signal(Signal::TERM);
        assert_eq!(next(&socket)[0], "STOPPING=1");
        server.finish().expect_code(0);
    }
}

/// systemd must not lose patience before the server does.
#[test]
fn the_unit_leaves_the_server_the_time_that_it_takes() {
    let unit = include_str!("../../src/bin/identity/identity.service");
    let has = |line: &str| assert!(unit.lines().any(|found| found == line), "{line}");
    has("Type=notify-reload");
    has("TimeoutStopSec=30s");
    has("Restart=on-failure");
    let program = fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/src/bin/identity/main.rs"
    ));
    assert!(program.unwrap().contains("deadline = \"20s\""));
}
