//! An etcd in a folder of its own: one member or several, with what Debian's package installs.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::port::Port;
use crate::{SOON, eventually};

/// A cluster under way. It ends, and its folder goes, with the value.
#[derive(Debug)]
pub struct Etcd {
    folder: PathBuf,
    members: Vec<Member>,
    arguments: Vec<String>,
    scheme: &'static str,
}

#[derive(Debug)]
struct Member {
    port: Port,
    peers: Port,
    process: Mutex<Option<Child>>,
}

impl Etcd {
    /// Starts one member.
    ///
    /// # Panics
    ///
    /// Where etcd is not installed, or does not start.
    pub fn start() -> Self {
        Self::cluster(1)
    }

    /// Starts so many members that know each other.
    ///
    /// # Panics
    ///
    /// As [`start`](Self::start).
    pub fn cluster(members: usize) -> Self {
        let etcd = Self::made(members, "http", Vec::new());
        etcd.start_all();
        etcd
    }

    /// Starts one that encrypts, by this certificate and key (PEM), and that asks clients for a certificate of this authority.
    ///
    /// # Panics
    ///
    /// As [`start`](Self::start).
    pub fn encrypted(certificate: &str, key: &str, clients: &str) -> Self {
        let mut etcd = Self::made(1, "https", vec!["--client-cert-auth".into()]);
        for (name, content) in [
            ("cert-file", certificate),
            ("key-file", key),
            ("trusted-ca-file", clients),
        ] {
            let path = etcd.folder.join(name);
            fs::write(&path, content).unwrap();
            etcd.arguments.push(format!("--{name}={}", path.display()));
        }
        etcd.start_all();
        etcd
    }

    fn made(members: usize, scheme: &'static str, arguments: Vec<String>) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder =
            std::env::temp_dir().join(format!("lifecycle-etcd-{}-{number}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        let member = |_| Member {
            port: Port::new(),
            peers: Port::new(),
            process: Mutex::new(None),
        };
        Self {
            folder,
            members: (0..members).map(member).collect(),
            arguments,
            scheme,
        }
    }

    /// The endpoints of all members, in their order.
    pub fn endpoints(&self) -> String {
        let all = self
            .members
            .iter()
            .map(|member| self.at(member.port.number()));
        all.collect::<Vec<_>>().join(",")
    }

    /// The endpoint of this port.
    pub fn at(&self, port: u16) -> String {
        format!("{}://localhost:{port}", self.scheme)
    }

    /// Where a member listens.
    pub fn port(&self, member: usize) -> u16 {
        self.members[member].port.number()
    }

    fn start_all(&self) {
        for member in 0..self.members.len() {
            self.begin(member);
        }
        for member in 0..self.members.len() {
            self.is_there(member);
        }
    }

    /// Starts a member again.
    ///
    /// # Panics
    ///
    /// When it does not start.
    pub fn start_again(&self, member: usize) {
        self.begin(member);
        self.is_there(member);
    }

    /// Ends a member without a word to anybody, as a crash would.
    ///
    /// # Panics
    ///
    /// When it is not up.
    pub fn crash(&self, member: usize) {
        let mut process = self.process(member).take().unwrap();
        process.kill().unwrap();
        process.wait().unwrap();
    }

    /// Sends a member a signal: `-STOP`.
    ///
    /// # Panics
    ///
    /// When it is not up.
    pub fn signal(&self, member: usize, signal: &str) {
        let process = self.process(member).as_ref().unwrap().id().to_string();
        let sent = Command::new("kill").args([signal, &process]).status();
        assert!(sent.unwrap().success());
    }

    /// Which member the others follow.
    ///
    /// # Panics
    ///
    /// When none does within a time.
    pub fn leader(&self) -> usize {
        let mut leader = None;
        eventually("there is a leader", SOON, || {
            leader = (0..self.members.len()).find(|member| {
                let status = self.ask(*member, "/v3/maintenance/status", "{}");
                let text = |name: &str| {
                    let (_, from) = status.split_once(&format!("\"{name}\":\""))?;
                    from.split_once('"').map(|(text, _)| text.to_owned())
                };
                text("leader").is_some() && text("leader") == text("member_id")
            });
            leader.is_some()
        });
        leader.unwrap()
    }

    /// Asks a member by hand, and gives what it answers, header and all.
    ///
    /// # Panics
    ///
    /// When it does not answer.
    pub fn ask(&self, member: usize, path: &str, body: &str) -> String {
        self.try_ask(member, path, body, None).unwrap()
    }

    /// The same as a user, by a token.
    ///
    /// # Panics
    ///
    /// When it does not answer.
    pub fn ask_as(&self, token: &str, path: &str, body: &str) -> String {
        self.try_ask(0, path, body, Some(token)).unwrap()
    }

    fn try_ask(
        &self,
        member: usize,
        path: &str,
        body: &str,
        token: Option<&str>,
    ) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port(member)))?;
        stream.set_read_timeout(Some(SOON))?;
        let token = token.map_or_else(String::new, |token| format!("Authorization: {token}\r\n"));
        write!(
            stream,
            "POST {path} HTTP/1.0\r\nHost: localhost\r\n{token}Content-Length: {}\r\n\r\n{body}",
            body.len()
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }

    fn begin(&self, member: usize) {
        let Self { folder, scheme, .. } = self;
        let (port, peers) = (self.port(member), self.members[member].peers.number());
        let log = File::options()
            .create(true)
            .append(true)
            .open(folder.join(format!("log-{member}")))
            .unwrap();
        let members: Vec<_> = self.members.iter().enumerate().collect();
        let cluster = members.iter().map(|(number, member)| {
            format!("m{number}=http://127.0.0.1:{}", member.peers.number())
        });
        let process = Command::new("etcd")
            .arg(format!("--name=m{member}"))
            .arg(format!(
                "--data-dir={}",
                folder.join(member.to_string()).display()
            ))
            .arg(format!("--listen-client-urls={scheme}://127.0.0.1:{port}"))
            .arg(format!(
                "--advertise-client-urls={scheme}://localhost:{port}"
            ))
            .arg(format!("--listen-peer-urls=http://127.0.0.1:{peers}"))
            .arg(format!(
                "--initial-advertise-peer-urls=http://127.0.0.1:{peers}"
            ))
            .arg(format!(
                "--initial-cluster={}",
                cluster.collect::<Vec<_>>().join(",")
            ))
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .expect("apt-get install etcd-server");
        *self.process(member) = Some(process);
    }

    fn is_there(&self, member: usize) {
        let log = self.folder.join(format!("log-{member}"));
        let log = move || fs::read_to_string(&log).unwrap_or_default();
        let began = std::time::Instant::now();
        while !self.answers(member) {
            assert!(began.elapsed() < SOON, "etcd does not start:\n{}", log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Whether it has a leader, which a question to all members asks for.
    fn answers(&self, member: usize) -> bool {
        if self.scheme == "https" {
            // Nothing of the test's own encrypts.
            return TcpStream::connect(("127.0.0.1", self.port(member))).is_ok();
        }
        let answer = self.try_ask(member, "/v3/kv/range", r#"{"key":"AA=="}"#, None);
        answer.is_ok_and(|answer| answer.contains("\"header\"") || answer.contains("user name"))
    }

    fn process(&self, member: usize) -> MutexGuard<'_, Option<Child>> {
        let process = &self.members[member].process;
        process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Etcd {
    fn drop(&mut self) {
        for member in 0..self.members.len() {
            if let Some(mut process) = self.process(member).take() {
                let _ = process.kill();
                let _ = process.wait();
            }
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}
