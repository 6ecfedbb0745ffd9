//! The identity server from outside: a process, clients, signals, and the database file it leaves behind.
#![cfg(unix)]
#![allow(
    clippy::print_stderr,
    clippy::unwrap_used,
    clippy::expect_used,
    unreachable_pub,
    reason = "a test: what must not happen fails it, and what it measured is for the person who runs it"
)]

mod client;
mod database;
mod hostile;
mod instances;
mod load;
mod mistakes;
mod privacy;
mod raw;
mod refusals;
mod reload;
mod server;
mod stop;
mod systemd;

use std::fs;

use client::Client;
use server::Home;

#[test]
fn a_visit_from_login_to_logout() {
    for tokenizer in ["opaque", "jwt"] {
        let home = Home::new(&format!("tokenizer = '{tokenizer}'"));
        let (server, address) = home.start();
        let client = Client::new(address);

        client.login("a guess").unwrap().expect_status(401);
        client.whoami("no token").unwrap().expect_status(401);
        let token = client.token();
        assert_eq!(
            client.whoami(&token).unwrap().expect_status(200)["user"],
            "root"
        );
        let sessions = client.sessions(&token).unwrap().expect_status(200);
        assert_eq!(sessions.as_array().unwrap().len(), 1, "{sessions}");
        assert_eq!(
            sessions[0]["observed_at"].is_string(),
            tokenizer == "opaque",
            "{sessions}"
        );
        client.logout(&token).unwrap().expect_status(204);
        client.whoami(&token).unwrap().expect_status(401);

        server.terminate().expect_code(0);
        database::expect_closed(&home.database());
        let spans = fs::read_to_string(home.spans()).unwrap();
        assert_eq!(spans.lines().count(), 7, "{spans}");
    }
}

#[test]
fn a_restart_keeps_tokens_and_logouts() {
    for tokenizer in ["opaque", "jwt"] {
        let home = Home::new(&format!("tokenizer = '{tokenizer}'"));
        let (server, address) = home.start();
        let client = Client::new(address);
        let (kept, revoked) = (client.token(), client.token());
        client.logout(&revoked).unwrap().expect_status(204);
        server.terminate().expect_code(0);

        let (server, address) = home.start();
        let client = Client::new(address);
        client.whoami(&kept).unwrap().expect_status(200);
        client.whoami(&revoked).unwrap().expect_status(401);
        server.terminate().expect_code(0);
    }
}

#[test]
fn a_new_root_password_holds_after_a_restart() {
    let home = Home::new("");
    let (server, _) = home.start();
    server.terminate().expect_code(0);

    home.configure("root.password = 'changed'");
    let (server, address) = home.start();
    let client = Client::new(address);
    client.login("change me").unwrap().expect_status(401);
    client.login("changed").unwrap().expect_status(200);
    server.terminate().expect_code(0);
}

#[test]
fn probes_need_no_token() {
    let (server, address) = Home::new("").start();
    let client = Client::new(address);
    client.get("/livez", "").unwrap().expect_status(200);
    // It listens before it is ready.
    server.wait_for("healthy");
    client.get("/readyz", "").unwrap().expect_status(200);
    server.terminate().expect_code(0);
}
