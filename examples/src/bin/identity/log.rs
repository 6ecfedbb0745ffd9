//! The log: one line an event, on standard error.

use std::io::{self, IsTerminal, Write};

/// Starts the log.
pub fn to_stderr() {
    tracing_subscriber::fmt()
        .with_writer(|| Stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_target(false)
        // It would say so on standard error, with a panic where that is what can't be written.
        .log_internal_errors(false)
        .init();
}

/// Writes one line; where it can't be written, does nothing.
pub fn say(line: &str) {
    let _ = writeln!(Stderr, "{line}");
}

/// Standard error, which may be a pipe whose reader has gone. A log that can't be written is no reason to stop answering requests:
/// what is written to a closed pipe or a full disk is dropped.
struct Stderr;

impl Write for Stderr {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = io::stderr().write_all(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
