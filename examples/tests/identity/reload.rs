//! SIGHUP: the interval and the level of the log are read again from the file, and a bad file changes nothing.

use std::{thread::sleep, time::Duration};

use rustix::process::Signal;
use serde_json::Value;

use crate::{
    client::Client,
    server::{Home, Server},
};

/// What ops shows of a service.
fn shown(server: &Server, service: &str) -> Value {
    let line = server.wait_for("ops listens");
    let address = line.split("address=").nth(1).unwrap().trim();
    let client = Client::new(address.parse().unwrap());
    let answer = client.get(&format!("/services/{service}"), "").unwrap();
    answer.expect_status(200)
}

fn start(home: &Home) -> Server {
    let (server, _) = home.start();
    server.wait_for("healthy");
    server
}

fn reload(server: &Server) {
    server.signal(Signal::HUP);
}

#[test]
fn a_new_interval_and_a_new_level_are_in_effect_after_a_hangup() {
    let home = Home::new("log.level = 'info'\nopaque.gc.interval = '1h'");
    let server = start(&home);
    assert_eq!(shown(&server, "tokenizer")["ticks"]["count"], 0);

    home.configure("log.level = 'debug'\nopaque.gc.interval = '10ms'");
    reload(&server);
    server.wait_for("settings read again log.level=debug opaque.gc.interval=10ms");
    // Both at once: a tick that has nothing to do is told at this level only.
    server.wait_for("nothing to collect");
    assert!(shown(&server, "tokenizer")["ticks"]["count"].as_u64() > Some(0));

    home.configure("log.level = 'warn'\nopaque.gc.interval = '1h'\napi.grace = '1s'");
    reload(&server);
    server.wait_for("they take effect at the next start");
    let finished = server.terminate().expect_code(0);
    assert!(!finished.text().contains("stopped"), "{}", finished.text());
}

#[test]
fn a_bad_file_keeps_the_last_good_values_and_shows_until_it_is_right_again() {
    let home = Home::new("opaque.gc.interval = '10ms'");
    let server = start(&home);
    assert_eq!(shown(&server, "config")["degraded"], Value::Null);

    home.configure("log.level = 'debug'\nopaque.gc.interval = 'often'");
    reload(&server);
    let line = server.wait_for("reload");
    let sentence = "line 2: expected number at 0";
    assert!(line.contains(sentence), "{line}");
    let degraded = shown(&server, "config")["degraded"].to_string();
    assert!(degraded.contains(sentence), "{degraded}");
    let ticks = || {
        shown(&server, "tokenizer")["ticks"]["count"]
            .as_u64()
            .unwrap()
    };
    let seen = ticks();
    while ticks() < seen + 2 {
        sleep(Duration::from_millis(5));
    }

    home.configure("opaque.gc.interval = '1h'");
    reload(&server);
    server.wait_for("settings read again");
    while !shown(&server, "config")["degraded"].is_null() {
        sleep(Duration::from_millis(5));
    }
    let finished = server.terminate().expect_code(0);
    let told = finished.log.iter().filter(|line| line.contains(sentence));
    assert_eq!(told.count(), 1, "{}", finished.text());
    assert!(!finished.text().contains("DEBUG"), "{}", finished.text());
}

/// The file can be read; what it says can't be followed. That is the schedule's to tell.
#[test]
fn an_interval_of_zero_is_told_by_the_schedule_which_keeps_the_last_one() {
    let home = Home::new("opaque.gc.interval = '10ms'");
    let server = start(&home);
    home.configure("opaque.gc.interval = '0s'");
    reload(&server);
    server.wait_for("settings read again");
    while shown(&server, "tokenizer")["degraded"].is_null() {
        sleep(Duration::from_millis(5));
    }
    let degraded = shown(&server, "tokenizer")["degraded"].to_string();
    assert!(degraded.contains("zero"), "{degraded}");
    let ticks = || {
        shown(&server, "tokenizer")["ticks"]["count"]
            .as_u64()
            .unwrap()
    };
    let seen = ticks();
    while ticks() < seen + 2 {
        sleep(Duration::from_millis(5));
    }
    server.terminate().expect_code(0);
}
