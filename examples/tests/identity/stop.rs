//! Stops under load: what was acknowledged is in the database, and the services stop in order.

use std::{env, thread::sleep, time::Duration};

use rusqlite::{Connection, TransactionBehavior};
use rustix::process::Signal;

use crate::{
    client::Client,
    database,
    load::Load,
    server::{Finished, Home},
};

const CLIENTS: u64 = 8;

/// Dependents first: each service is asked to stop when everything that needs it has stopped.
#[track_caller]
fn expect_order(finished: &Finished) {
    let edges = [
        ("api", "user"),
        ("api", "tokenizer"),
        ("user", "store"),
        ("tokenizer", "store"),
        ("store", "instrumentation"),
    ];
    for (dependent, dependency) in edges {
        let (before, after) = (
            finished.moment(dependent, "stopped"),
            finished.moment(dependency, "stopping"),
        );
        assert!(
            before < after,
            "{dependency} before {dependent}:\n{}",
            finished.text()
        );
        let (before, after) = (
            finished.moment(dependency, "running"),
            finished.moment(dependent, "starting"),
        );
        assert!(
            before < after,
            "{dependent} before {dependency}:\n{}",
            finished.text()
        );
    }
}

fn stop_under_load(settings: &str) {
    let home = Home::new(settings);
    let (server, address) = home.start();
    database::plant_expired(&home.database());
    let load = Load::start(address, CLIENTS, 1);
    load.wait_for(500);

    let finished = server.terminate().expect_code(0);
    database::expect_closed(&home.database());
    assert!(database::expect_all(&load.ledger(), &home.database()) > 0);
    expect_order(&finished);
}

#[test]
fn opaque_tokens_under_load() {
    stop_under_load("opaque.gc.interval = '20ms'");
}

/// No tick comes between: all is in the last flush.
#[test]
fn opaque_tokens_under_load_without_a_tick() {
    stop_under_load("opaque.gc.interval = '1h'");
}

#[test]
fn jwt_under_load() {
    stop_under_load("tokenizer = 'jwt'");
}

#[test]
fn a_stop_deletes_what_has_expired() {
    for settings in [
        "opaque = { lifetime = '1ms', gc.interval = '1h' }",
        "tokenizer = 'jwt'\njwt.lifetime = '1ms'",
    ] {
        let home = Home::new(settings);
        let (server, address) = home.start();
        let client = Client::new(address);
        client.whoami(&client.token()).unwrap().expect_status(401);
        assert_eq!(database::sessions(&home.database()).len(), 1);
        server.terminate().expect_code(0);
        assert!(database::sessions(&home.database()).is_empty());
    }
}

#[test]
fn a_stop_at_any_moment_of_the_start_is_clean() {
    let home = Home::new("");
    for moment in [
        "starting service=instrumentation",
        "starting service=store",
        "running service=store",
        "starting service=user",
        "root user reconciled",
        "starting service=api",
        "listening",
        "running service=api",
    ] {
        // Each time a user that isn't there yet, so that every start has the same to do.
        home.configure(&format!("root.name = '{moment}'"));
        let server = home.launch(|command| command.env("IDENTITY_LISTEN", "127.0.0.1:0"));
        server.wait_for(moment);
        let finished = server.terminate().expect_code(0);
        assert!(!finished.text().contains("ERROR"), "{}", finished.text());
    }
    database::expect_closed(&home.database());
}

/// Kills a server at random moments, again and again on one database. `KILL_ROUNDS` says how often, `KILL_SEED` repeats
/// a run.
#[test]
fn random_kills_lose_nothing() {
    let number = |name| env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let rounds = number("KILL_ROUNDS").unwrap_or(5);
    let seed = number("KILL_SEED").unwrap_or_else(|| fastrand::u64(..));
    let mut random = fastrand::Rng::with_seed(seed);
    let (mut tokens, mut observations) = (0, 0);
    let home = Home::new("");
    for round in 1..=rounds {
        eprintln!("round {round} of KILL_SEED={seed}");
        let interval = random.u32(1..50);
        home.configure(&format!("opaque.gc.interval = '{interval}ms'"));
        let (server, address) = home.start();
        database::plant_expired(&home.database());
        let load = Load::start(address, CLIENTS, random.u64(..));
        load.wait_for(random.usize(0..2000));
        server.signal(if random.bool() {
            Signal::TERM
        } else {
            Signal::INT
        });
        server.finish().expect_code(0);

        let ledger = load.ledger();
        tokens += ledger.len();
        observations += database::expect_all(&ledger, &home.database());
    }
    eprintln!(
        "{rounds} kills, {tokens} tokens, {observations} acknowledged observations: all there"
    );
}

#[test]
fn a_start_waits_for_a_busy_database_and_a_stop_does_not() {
    let home = Home::new("");
    let (server, _) = home.start();
    server.terminate().expect_code(0);
    // A root user to reconcile means something to write.
    home.configure("root.name = 'admin'");
    let mut other = Connection::open(home.database()).unwrap();

    let lock = other
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .unwrap();
    let server = home.launch(|command| command.env("IDENTITY_LISTEN", "127.0.0.1:0"));
    server.wait_for("trying again");
    lock.rollback().unwrap();
    server.wait_for("listening");
    server.terminate().expect_code(0);

    home.configure("root.name = 'another'");
    let lock = other
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .unwrap();
    let server = home.launch(|command| command.env("IDENTITY_LISTEN", "127.0.0.1:0"));
    server.wait_for("trying again");
    server.signal(Signal::TERM);
    server.wait_for("stopped service=user");
    lock.rollback().unwrap();
    let finished = server.finish().expect_code(0);
    assert!(
        !finished.text().contains("listening"),
        "{}",
        finished.text()
    );
}

/// A flush waits for a lock for as long as its service has time, not for as long as a client would.
#[test]
fn a_stop_on_a_locked_database_loses_nothing() {
    let home = Home::new("opaque.gc.interval = '1h'");
    let (server, address) = home.start();
    let client = Client::new(address);
    let token = client.token();
    let observed = client.whoami(&token).unwrap().expect_status(200);
    let mut other = Connection::open(home.database()).unwrap();
    let lock = other
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .unwrap();

    // What a client gets meanwhile: the database may answer the next time.
    client.login("change me").unwrap().expect_status(503);
    server.signal(Signal::TERM);
    server.wait_for("stopping service=tokenizer");
    // More than a statement waits for on behalf of a client.
    sleep(Duration::from_secs(2));
    lock.rollback().unwrap();
    drop(other);

    server.finish().expect_code(0);
    let row = &database::sessions(&home.database())[&database::id(&token)];
    assert!(row.observed_at >= Some(crate::client::millis(&observed["observed_at"])));
}
