//! Ports for servers of the tests' own.

use std::fs::{self, File};
use std::net::TcpListener;
use std::ops::Range;
use std::path::PathBuf;

/// Below those that the system gives to clients. A port of theirs may be taken while its server is down for a while; and a client that is
/// given the very port it asks for is connected to itself.
const RANGE: Range<u16> = 12_000..30_000;

/// A port that no other server of the tests has, of whatever process, as long as this value is there.
#[derive(Debug)]
pub struct Port {
    number: u16,
    path: PathBuf,
    /// Locked, until it is closed.
    _file: File,
}

impl Port {
    /// One where nothing listens.
    ///
    /// # Panics
    ///
    /// When a thousand are taken.
    #[expect(clippy::new_without_default, reason = "each is another")]
    pub fn new() -> Self {
        let mut tried = (0..1000).map(|_| fastrand::u16(RANGE));
        let found = tried.find_map(Self::of);
        found.expect("there is a free port")
    }

    fn of(number: u16) -> Option<Self> {
        let path = std::env::temp_dir().join(format!("lifecycle-port-{number}"));
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .ok()?;
        file.try_lock().ok()?;
        TcpListener::bind(("127.0.0.1", number)).ok()?;
        Some(Self {
            number,
            path,
            _file: file,
        })
    }

    /// Its number.
    pub fn number(&self) -> u16 {
        self.number
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}
