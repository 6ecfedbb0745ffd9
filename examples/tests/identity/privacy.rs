//! Who can read what the server writes: its own user, whatever the umask is and whatever was there before.
//!
//! The kind: every file (database, journals, spans, spans put aside) and the folder; made by this run, by `SQLite`, by an
//! earlier version; under an umask that gives too much or leaves too little.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
};

use rustix::process::Signal;

use crate::{client::Client, server::Home};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// Panics unless folder and files are closed; returns the names.
#[track_caller]
fn expect_closed(home: &Home) -> Vec<String> {
    assert_eq!(mode(&home.data()), 0o700);
    let mut names: Vec<String> = fs::read_dir(home.data())
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            assert_eq!(mode(&path), 0o600, "{}", path.display());
            path.file_name().unwrap().to_str().unwrap().to_owned()
        })
        .collect();
    names.sort();
    names
}

const FILES: [&str; 4] = [
    "identity.sqlite",
    "identity.sqlite-shm",
    "identity.sqlite-wal",
    "spans.jsonl",
];

#[test]
fn nothing_depends_on_the_umask() {
    for umask in ["umask 0", "umask 022", "umask 0777"] {
        let home = Home::new("tokenizer = 'jwt'");
        let (server, address) = home.start_after(umask);
        Client::new(address).token();
        assert_eq!(expect_closed(&home), FILES, "{umask}");
        server.terminate().expect_code(0);
        assert_eq!(expect_closed(&home), [FILES[0], FILES[3]], "{umask}");
    }
}

#[test]
fn spans_that_are_put_aside_are_as_private() {
    let home = Home::new("spans.max_bytes = 1");
    for _ in 0..2 {
        let (server, address) = home.start_after("umask 0");
        Client::new(address).token();
        server.terminate().expect_code(0);
    }
    assert_eq!(expect_closed(&home), [FILES[0], FILES[3], "spans.jsonl.1"]);
}

#[test]
fn what_an_earlier_version_left_open_is_closed() {
    let home = Home::new("tokenizer = 'jwt'");
    let (server, address) = home.start();
    Client::new(address).token();
    // So that the journals stay.
    server.signal(Signal::KILL);
    server.finish();
    set_mode(&home.data(), 0o755);
    for file in FILES {
        set_mode(&home.data().join(file), 0o644);
    }

    let (server, address) = home.start();
    assert_eq!(expect_closed(&home), FILES);
    Client::new(address).token();
    assert!(
        server
            .terminate()
            .expect_code(0)
            .text()
            .contains("closed it")
    );
}

#[test]
fn an_empty_folder_is_taken_over() {
    let home = Home::new("");
    fs::create_dir(home.data()).unwrap();
    set_mode(&home.data(), 0o777);
    let (server, _) = home.start();
    expect_closed(&home);
    server.terminate().expect_code(0);
}

#[test]
fn a_folder_that_others_use_is_refused_and_left_alone() {
    let home = Home::new("");
    fs::create_dir(home.data()).unwrap();
    set_mode(&home.data(), 0o755);
    fs::write(home.data().join("letters.txt"), "").unwrap();
    let refused = home.launch(|command| command).finish().expect_code(1);
    assert!(
        refused.text().contains("letters.txt") && refused.text().contains("chmod 700"),
        "{}",
        refused.text()
    );
    assert_eq!(mode(&home.data()), 0o755);

    // As the message says.
    set_mode(&home.data(), 0o700);
    let (server, _) = home.start();
    server.terminate().expect_code(0);
}

#[test]
fn a_link_in_the_place_of_a_file_is_refused() {
    let home = Home::new("");
    fs::create_dir(home.data()).unwrap();
    let elsewhere = home.settings();
    let before = mode(&elsewhere);
    symlink(&elsewhere, home.spans()).unwrap();
    let refused = home.launch(|command| command).finish().expect_code(1);
    assert!(refused.text().contains("is a link"), "{}", refused.text());
    assert_eq!(
        (mode(&elsewhere), fs::read(&elsewhere).unwrap().len()),
        (before, 0)
    );
}
