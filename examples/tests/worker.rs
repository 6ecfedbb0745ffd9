//! The `worker` example as a server: nothing that one client does, or leaves undone, ends it or holds its stop.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

struct Echo {
    child: Child,
    address: SocketAddr,
}

impl Echo {
    /// Started from a shell that has done this first.
    fn start_after(shell: &str) -> Self {
        let mut child = Command::new("/bin/sh")
            .arg("-c")
            .arg(format!("{shell}; exec \"$0\" 127.0.0.1:0"))
            .arg(env!("CARGO_BIN_EXE_worker"))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = lines
            .find_map(|line| line.ok().filter(|line| line.contains("listening")))
            .unwrap();
        // From here on the terminal is closed, too: what it says goes nowhere.
        let address = line.rsplit(' ').next().unwrap().parse().unwrap();
        Self { child, address }
    }

    fn connect(&self) -> TcpStream {
        let client = TcpStream::connect(self.address).unwrap();
        client
            .set_read_timeout(Some(Duration::from_secs(60)))
            .unwrap();
        client
    }

    #[track_caller]
    fn expect_echo(&self) {
        let mut client = self.connect();
        client.write_all(b"hello\n").unwrap();
        let mut answer = [0; 6];
        client.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"hello\n");
    }

    #[track_caller]
    fn expect_prompt_stop(mut self) {
        let asked = Instant::now();
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
        // A service that is late is dropped after 7.5 s.
        assert!(asked.elapsed() < Duration::from_secs(5));
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        // Only a test that fails leaves it running.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn more_clients_than_descriptors() {
    let echo = Echo::start_after("ulimit -n 32");
    let clients: Vec<TcpStream> = (0..60).map(|_| echo.connect()).collect();
    let mut first = &clients[0];
    first.write_all(b"x\n").unwrap();
    first.read_exact(&mut [0; 2]).unwrap();
    drop(clients);
    echo.expect_echo();
    echo.expect_prompt_stop();
}

#[test]
fn a_line_without_an_end() {
    let echo = Echo::start_after("true");
    let mut client = echo.connect();
    let mut sent = 0;
    // Until the server has had enough.
    while client.write_all(&[b'x'; 1024]).is_ok() {
        sent += 1;
        assert!(sent < 100_000, "it reads on and on");
    }
    echo.expect_echo();
    echo.expect_prompt_stop();
}

#[test]
fn the_longest_line_comes_back_whole() {
    let echo = Echo::start_after("true");
    let mut client = echo.connect();
    let line = [vec![b'x'; 8 * 1024 - 1], vec![b'\n']].concat();
    client.write_all(&line).unwrap();
    let mut answer = vec![0; line.len()];
    client.read_exact(&mut answer).unwrap();
    assert_eq!(answer, line);
    echo.expect_prompt_stop();
}

#[test]
fn a_client_that_goes_away_in_the_middle() {
    let echo = Echo::start_after("true");
    for _ in 0..5 {
        let mut client = echo.connect();
        client.write_all(b"hello\n").unwrap();
        // Closed with an answer that was not read: a reset.
        client.peek(&mut [0; 1]).unwrap();
        drop(client);
    }
    echo.expect_echo();
    echo.expect_prompt_stop();
}

#[test]
fn a_client_whose_task_panics() {
    let echo = Echo::start_after("true");
    for _ in 0..5 {
        let mut client = echo.connect();
        client.write_all(b"panic\n").unwrap();
        // The panic drops the socket.
        assert_eq!(client.read(&mut [0; 1]).unwrap_or(0), 0);
    }
    echo.expect_echo();
    echo.expect_prompt_stop();
}

#[test]
fn clients_that_are_silent_or_deaf_at_the_stop() {
    let echo = Echo::start_after("true");
    let mut silent = echo.connect();
    let mut deaf = echo.connect();
    deaf.set_write_timeout(Some(Duration::from_millis(200)))
        .unwrap();
    let lines = b"hello\n".repeat(1000);
    while deaf.write_all(&lines).is_ok() {}
    echo.expect_echo();
    echo.expect_prompt_stop();
    let mut farewell = String::new();
    silent.read_to_string(&mut farewell).unwrap();
    assert_eq!(farewell, "goodbye\n");
}
