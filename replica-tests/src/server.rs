//! A PostgreSQL in a folder of its own, with what Debian's package installs.

use std::fs::{self, File};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use tokio_postgres::{Client, NoTls};

use crate::port::Port;

/// A server under way. It ends, and its folder goes, with the value.
#[derive(Debug)]
pub struct Server {
    folder: PathBuf,
    port: Port,
}

impl Server {
    /// Starts one, with a database `postgres` and a superuser of that name.
    ///
    /// # Panics
    ///
    /// Where PostgreSQL is not installed, or does not start.
    pub fn start() -> Self {
        Self::with("")
    }

    /// Starts one that encrypts, by this certificate and key (PEM).
    ///
    /// # Panics
    ///
    /// As [`start`](Self::start).
    pub fn encrypted(certificate: &str, key: &str) -> Self {
        let server = Self::made("ssl = on\n");
        for (name, content) in [("server.crt", certificate), ("server.key", key)] {
            let path = server.data().join(name);
            fs::write(&path, content).unwrap();
            own(&path);
            let made = Command::new("chmod").arg("600").arg(&path).status();
            assert!(made.unwrap().success());
        }
        server.start_again();
        server
    }

    fn with(settings: &str) -> Self {
        let server = Self::made(settings);
        server.start_again();
        server
    }

    fn made(settings: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder =
            std::env::temp_dir().join(format!("lifecycle-{}-{number}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        own(&folder);
        let server = Self {
            folder,
            port: Port::new(),
        };
        let copied = as_owner("cp")
            .arg("-r")
            .arg(template())
            .arg(server.data())
            .status();
        assert!(copied.unwrap().success());
        let settings = format!(
            "listen_addresses = '127.0.0.1'\nport = {}\nunix_socket_directories = '{}'\nfsync = off\nmax_connections = 60\n\
             shared_buffers = 16MB\nlog_min_messages = fatal\n{settings}",
            server.port(),
            server.folder.display(),
        );
        let config = server.data().join("postgresql.conf");
        fs::write(&config, settings).unwrap();
        own(&config);
        server
    }

    /// Its URL.
    pub fn url(&self) -> String {
        self.url_at(self.port())
    }

    /// Its URL, by way of a proxy at this port.
    pub fn url_at(&self, port: u16) -> String {
        format!("postgres://postgres@127.0.0.1:{port}/postgres?sslmode=disable")
    }

    /// Where it listens, on the loopback address.
    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// Ends it without a word to anybody, as a crash would.
    ///
    /// # Panics
    ///
    /// When it does not end.
    pub fn crash(&self) {
        self.control(&["stop", "-m", "immediate"]);
    }

    /// Starts it again.
    ///
    /// # Panics
    ///
    /// When it does not start.
    pub fn start_again(&self) {
        let log = self.folder.join("log");
        self.control(&["start", "-w", "-l", &log.display().to_string()]);
    }

    /// A connection of the test's own.
    ///
    /// # Panics
    ///
    /// When it can't be made.
    pub async fn client(&self) -> Client {
        let (client, connection) = tokio_postgres::connect(&self.url(), NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }

    fn control(&self, arguments: &[&str]) {
        let ended = as_owner(bin("pg_ctl"))
            .arg("-D")
            .arg(self.data())
            .args(arguments)
            .stdout(Stdio::null())
            .status();
        let log = || fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        assert!(ended.unwrap().success(), "pg_ctl {arguments:?}: {}", log());
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = as_owner(bin("pg_ctl"))
            .arg("-D")
            .arg(self.data())
            .args(["stop", "-m", "immediate"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// A cluster as `initdb` makes it, made once: a copy takes a tenth of the time.
fn template() -> PathBuf {
    let folder = std::env::temp_dir().join("lifecycle-initdb");
    let lock = File::create(std::env::temp_dir().join("lifecycle-initdb.lock")).unwrap();
    lock.lock().unwrap();
    let made = folder.join("made");
    if !made.join("PG_VERSION").exists() {
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        own(&folder);
        let making = folder.join("making");
        let ended = as_owner(bin("initdb"))
            .arg("-D")
            .arg(&making)
            .args([
                "-U",
                "postgres",
                "--auth=trust",
                "--no-sync",
                "-E",
                "UTF8",
                "--no-locale",
            ])
            .stdout(Stdio::null())
            .status();
        assert!(ended.unwrap().success(), "initdb failed");
        fs::rename(making, &made).unwrap();
    }
    made
}

/// A program of PostgreSQL's.
fn bin(name: &str) -> PathBuf {
    let told = Command::new("pg_config").arg("--bindir").output().ok();
    let told = told.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    let debian = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let folders = told
        .map(PathBuf::from)
        .into_iter()
        .chain(debian.map(|version| version.path().join("bin")));
    folders
        .map(|folder| folder.join(name))
        .find(|path| path.exists())
        .unwrap_or_else(|| panic!("`{name}` is not installed: apt-get install postgresql"))
}

/// A command of the cluster's owner: PostgreSQL refuses root.
fn as_owner(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir("/");
    if let Some(owner) = owner() {
        command.uid(owner).gid(owner);
    }
    command
}

fn own(path: &Path) {
    if let Some(owner) = owner() {
        chown(path, Some(owner), Some(owner)).unwrap();
    }
}

/// Whom the cluster belongs to, where the test runs as root: nobody.
fn owner() -> Option<u32> {
    let id = Command::new("id").arg("-u").output().unwrap();
    (String::from_utf8_lossy(&id.stdout).trim() == "0").then_some(65534)
}
