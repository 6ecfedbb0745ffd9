//! The log: one line an event, on standard error.

use std::io::{self, IsTerminal, Write};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::{Registry, fmt, prelude::*, registry, reload};

/// From which level on an event is logged. It can be changed at any time.
#[derive(Clone)]
pub struct Level(reload::Handle<LevelFilter, Registry>);

impl Level {
    /// Of no log.
    #[cfg(test)]
    pub fn detached() -> Self {
        Self(reload::Layer::new(LevelFilter::INFO).1)
    }

    /// Without effect once there is no log any more.
    pub fn set(&self, level: LevelFilter) {
        let _ = self.0.reload(level);
    }
}

/// Starts the log.
pub fn to_stderr() -> Level {
    let (filter, level) = reload::Layer::new(LevelFilter::INFO);
    let lines = fmt::layer()
        .with_writer(|| Stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_target(false)
        // It would say so on standard error, with a panic where that is what can't be written.
        .log_internal_errors(false);
    registry().with(filter).with(lines).init();
    Level(level)
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
