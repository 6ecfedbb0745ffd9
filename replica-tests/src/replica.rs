//! A replica: a child process that prints what it does.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::SOON;

/// A replica under way. It is killed with the value.
#[derive(Debug)]
pub struct Replica {
    /// The name it holds leases by.
    pub name: String,
    process: Child,
    began: Instant,
    lines: Arc<Mutex<Vec<(Instant, String)>>>,
    reader: Option<JoinHandle<()>>,
}

impl Replica {
    /// Starts this command, and reads what it prints.
    ///
    /// # Panics
    ///
    /// When there is no such program.
    pub fn start(name: &str, command: &mut Command) -> Self {
        let mut process = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let printed = BufReader::new(process.stdout.take().unwrap());
        let lines = Arc::new(Mutex::new(Vec::new()));
        let kept = lines.clone();
        let reader = std::thread::spawn(move || {
            for line in printed.lines().map_while(Result::ok) {
                kept.lock().unwrap().push((Instant::now(), line));
            }
        });
        Self {
            name: name.to_owned(),
            process,
            began: Instant::now(),
            lines,
            reader: Some(reader),
        }
    }

    /// What it has printed so far.
    pub fn lines(&self) -> Vec<String> {
        let lines = self.lines.lock().unwrap();
        lines.iter().map(|(_, line)| line.clone()).collect()
    }

    /// When it printed the first line with this in it, after that instant.
    pub fn when(&self, text: &str, after: Instant) -> Option<Instant> {
        let lines = self.lines.lock().unwrap();
        let found = lines
            .iter()
            .find(|(at, line)| *at >= after && line.contains(text));
        found.map(|(at, _)| *at)
    }

    /// The token of the first lease that it told to lead by, after that instant.
    pub fn token_after(&self, after: Instant) -> Option<u64> {
        let lines = self.lines.lock().unwrap();
        let mut told = lines.iter().filter(|(at, _)| *at >= after);
        told.find_map(|(_, line)| line.strip_prefix("leads ")?.parse().ok())
    }

    /// Waits until it prints a line with this in it, after that instant.
    ///
    /// # Panics
    ///
    /// When none has come within a minute.
    #[track_caller]
    pub fn until(&self, text: &str, after: Instant) -> Instant {
        let began = Instant::now();
        loop {
            if let Some(at) = self.when(text, after) {
                return at;
            }
            assert!(
                began.elapsed() < SOON,
                "{} does not print `{text}` within {SOON:?}; it printed {:#?}",
                self.name,
                self.lines()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Where its service of `lifecycle-ops` listens, by its log.
    pub fn page(&self) -> Option<SocketAddr> {
        let lines = self.lines.lock().unwrap();
        let told = |(_, line): &(Instant, String)| {
            let address = line.split_once("ops listens address=")?.1;
            address.split(' ').next()?.parse().ok()
        };
        lines.iter().find_map(told)
    }

    /// What its page answers at this path: status line, headers and body. `None` if it does not answer within a second.
    pub fn ask(&self, path: &str) -> Option<String> {
        let patience = Duration::from_secs(1);
        let mut page = TcpStream::connect_timeout(&self.page()?, patience).ok()?;
        page.set_read_timeout(Some(patience)).ok()?;
        let asked = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        page.write_all(asked.as_bytes()).ok()?;
        let mut answer = String::new();
        page.read_to_string(&mut answer).ok()?;
        Some(answer)
    }

    /// What its page tells of a service, as data. `None` if it does not answer.
    pub fn status(&self, service: &str) -> Option<Value> {
        let answer = self.ask(&format!("/services/{service}"))?;
        let (_, body) = answer.split_once("\r\n\r\n")?;
        serde_json::from_str(body).ok()
    }

    /// Waits until it has printed a line with this in it, whenever that was.
    ///
    /// # Panics
    ///
    /// When none has come within a minute.
    #[track_caller]
    pub fn has(&self, text: &str) -> Instant {
        self.until(text, self.began)
    }

    /// Sends it a signal: `-STOP`.
    ///
    /// # Panics
    ///
    /// When there is no such process.
    pub fn signal(&self, signal: &str) {
        let sent = Command::new("kill")
            .args([signal, &self.process.id().to_string()])
            .status();
        assert!(sent.unwrap().success());
    }

    /// Whether it has not ended.
    ///
    /// # Panics
    ///
    /// When the system does not tell.
    pub fn is_up(&mut self) -> bool {
        self.process.try_wait().unwrap().is_none()
    }

    /// Waits for its end, for a minute at most, and takes what it has printed.
    pub fn end(mut self) -> Vec<String> {
        let bound = Instant::now() + SOON;
        while matches!(self.process.try_wait(), Ok(None)) && Instant::now() < bound {
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
        // The reader sees the end of the pipe once the process has gone.
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
        self.lines()
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("{} printed {:#?}", self.name, self.lines());
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
