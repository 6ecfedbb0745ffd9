//! A clock that is wrong.

use std::path::PathBuf;
use std::process::Command;

/// Has the program see a wall clock that is off by this: `+10m`. Its monotonic clock is left alone.
///
/// # Panics
///
/// Where faketime is not installed.
pub fn shifted<'a>(command: &'a mut Command, by: &str) -> &'a mut Command {
    command
        .env("LD_PRELOAD", library())
        .env("FAKETIME", by)
        .env("DONT_FAKE_MONOTONIC", "1")
}

fn library() -> PathBuf {
    let folders = std::fs::read_dir("/usr/lib").unwrap().flatten();
    let mut found = folders.map(|folder| folder.path().join("faketime/libfaketimeMT.so.1"));
    found
        .find(|path| path.exists())
        .expect("apt-get install faketime")
}
