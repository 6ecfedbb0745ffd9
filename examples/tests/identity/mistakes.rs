//! What a person gets who starts the server on a mistake: one line that names it, exit code 1, nothing left half-started.

use std::{ffi::OsStr, fs, net::TcpListener, os::unix::ffi::OsStrExt};

use rusqlite::Connection;

use crate::{
    client::Client,
    database,
    server::{Finished, Home},
};

/// Runs a server that can't start.
#[track_caller]
fn run(home: &Home) -> Finished {
    home.launch(|command| command.env("IDENTITY_LISTEN", "127.0.0.1:0"))
        .finish()
        .expect_code(1)
}

#[track_caller]
fn expect_only_line(settings: &str, words: &[&str]) {
    let home = Home::new(settings);
    let finished = run(&home);
    let text = finished.text();
    assert_eq!(finished.log.len(), 1, "{text}");
    assert!(text.contains("identity.toml"), "{text}");
    assert!(words.iter().all(|word| text.contains(word)), "{text}");
    assert!(!home.data().exists(), "something was started");
}

#[test]
fn settings_that_mean_nothing() {
    expect_only_line(
        "[opaque.gc]\nintervall = '30s'",
        &["line 2", "unknown field `intervall`"],
    );
    expect_only_line(
        "tokenizer = 'paseto'",
        &["line 1", "unknown variant `paseto`", "`opaque` or `jwt`"],
    );
    expect_only_line("[jwt]\n\nlifetime = '15 parsecs'", &["line 3", "parsecs"]);
    expect_only_line("api.listen = 8080", &["line 1", "8080"]);
    expect_only_line("[api\n", &["line 1"]);
    expect_only_line("\napi.grace = '0s'", &["line 2", "longer than zero"]);
    expect_only_line("api.connections = 0", &["line 1", "nonzero"]);
}

#[test]
fn settings_that_are_not_there() {
    let home = Home::new("");
    fs::remove_file(home.settings()).unwrap();
    let finished = run(&home);
    assert!(
        finished.text().contains("identity.toml: No such file"),
        "{}",
        finished.text()
    );
    assert_eq!(finished.log.len(), 1);
}

#[test]
fn a_variable_that_means_nothing() {
    let finished = Home::new("")
        .launch(|command| command.env("IDENTITY_LISTEN", "nowhere"))
        .finish()
        .expect_code(1);
    assert!(
        finished.text().starts_with("identity: IDENTITY_LISTEN: "),
        "{}",
        finished.text()
    );
    assert_eq!(finished.log.len(), 1);
}

#[test]
fn a_variable_that_is_no_utf8() {
    for name in ["IDENTITY_ROOT_PASSWORD", "IDENTITY_DATA"] {
        let finished = Home::new("")
            .launch(|command| command.env(name, OsStr::from_bytes(b"se\xffcret")))
            .finish()
            .expect_code(1);
        assert_eq!(finished.log, [format!("identity: {name}: not UTF-8")]);
    }
}

/// The first error of the log says which service failed and why.
#[track_caller]
fn expect_failure(finished: &Finished, service: &str, cause: &str) {
    let error = finished
        .log
        .iter()
        .find(|line| line.contains("ERROR"))
        .expect("an error in the log");
    assert!(
        error.contains(&format!("`{service}`")) && error.contains(cause),
        "{}",
        finished.text()
    );
}

#[test]
fn a_zero_interval() {
    let home = Home::new("opaque.gc.interval = '0s'");
    let finished = run(&home);
    expect_failure(
        &finished,
        "tokenizer",
        "`self.settings.gc_interval()` is zero",
    );
    database::expect_closed(&home.database());
}

#[test]
fn a_port_in_use() {
    let home = Home::new("");
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = holder.local_addr().unwrap().to_string();
    let finished = home
        .launch(|command| command.env("IDENTITY_LISTEN", &address))
        .finish()
        .expect_code(1);
    expect_failure(
        &finished,
        "api",
        &format!("can't listen on {address}: Address already in use"),
    );
    database::expect_closed(&home.database());
}

#[test]
fn a_database_that_cannot_be_opened() {
    let home = Home::new("");
    fs::create_dir_all(home.database()).unwrap();
    expect_failure(&run(&home), "store", "identity.sqlite");
}

#[test]
fn a_database_that_is_none() {
    let home = Home::new("");
    fs::create_dir_all(home.data()).unwrap();
    fs::write(
        home.database(),
        "certainly not a database, but long enough to be looked at as one",
    )
    .unwrap();
    expect_failure(&run(&home), "store", "file is not a database");
}

#[test]
fn a_database_of_a_newer_program() {
    let home = Home::new("");
    let (server, _) = home.start();
    server.terminate().expect_code(0);
    let database = Connection::open(home.database()).unwrap();
    database.pragma_update(None, "user_version", 1000).unwrap();
    database.close().unwrap();
    expect_failure(
        &run(&home),
        "store",
        "its schema has version 1000, and this program knows those up to 2",
    );
}

#[test]
fn a_data_directory_that_cannot_be_made() {
    let home = Home::new("");
    fs::write(home.data(), "in the way").unwrap();
    expect_failure(&run(&home), "instrumentation", "spans.jsonl");
}

#[test]
fn a_server_that_failed_leaves_room_for_the_next() {
    let home = Home::new("opaque.gc.interval = '0s'");
    run(&home);
    home.configure("");
    let (server, address) = home.start();
    Client::new(address).token();
    server.terminate().expect_code(0);
}
