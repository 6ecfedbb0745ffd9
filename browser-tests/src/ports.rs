//! Ports for the programs of a test.

use std::net::TcpListener;
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

/// How many ports a process of tests may take before it uses those of another one.
const EACH: u32 = 64;

/// A port on which nothing listens. It is below those that the system gives to connections, so that none of them takes it
/// before the program does.
///
/// # Panics
///
/// Never: the numbers are those of ports.
pub fn free() -> u16 {
    static TAKEN: AtomicU32 = AtomicU32::new(0);
    loop {
        let next = process::id() * EACH + TAKEN.fetch_add(1, Ordering::Relaxed);
        let port = u16::try_from(12_000 + next % 20_000).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
