//! Clients as the net has them: silent, slow, too many, gone. Each costs the others nothing, and the stop neither.
//!
//! The kind: whatever a client leaves undone (a head, a body, taking its answer, another request), whatever it asks for too
//! often (connections, hashes, spans), and a reader of the log, who is a client too.

use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    process::{Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::{
    client::{Client, millis},
    database,
    raw::{answer, login, request, rest, sent},
    server::{Home, Server},
};

const HALF_A_HEAD: &str = "POST /login HTTP/1.1\r\nhost: localhost\r\ncontent-le";
const HALF_A_BODY: &str = "POST /login HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
    content-length: 40\r\n\r\n{\"name\":";

/// A client that asks and never takes an answer, until the server can send no more and so reads no more.
fn deaf(address: SocketAddr, token: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .set_write_timeout(Some(Duration::from_secs(1)))
        .unwrap();
    let ask = format!("GET /sessions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\r\n");
    let many = ask.repeat(100).into_bytes();
    let mut sent = 0;
    while let Ok(more) = stream.write(&many[sent..]) {
        sent = (sent + more) % many.len();
    }
    stream
}

/// Stops the server, which must be as if the clients weren't there.
#[track_caller]
fn expect_prompt_stop(server: Server) {
    let asked = Instant::now();
    server.terminate().expect_code(0);
    // The api is dropped after 3.75 s.
    assert!(
        asked.elapsed() < Duration::from_secs(3),
        "{:?}",
        asked.elapsed()
    );
}

#[test]
fn a_request_that_is_never_finished_holds_no_stop() {
    for half in ["", HALF_A_HEAD, HALF_A_BODY] {
        let home = Home::new("opaque.gc.interval = '1h'");
        let (server, address) = home.start();
        let client = Client::new(address);
        let token = client.token();
        let half = sent(address, half);
        let observed = client.whoami(&token).unwrap().expect_status(200);
        expect_prompt_stop(server);
        rest(half);
        let row = &database::sessions(&home.database())[&database::id(&token)];
        assert!(row.observed_at >= Some(millis(&observed["observed_at"])));
    }
}

#[test]
fn an_answer_that_is_never_taken_holds_no_stop() {
    let (server, address) = Home::new("").start();
    let client = Client::new(address);
    let token = client.token();
    for _ in 0..20 {
        client.token();
    }
    let deaf = deaf(address, &token);
    client.whoami(&token).unwrap().expect_status(200);
    expect_prompt_stop(server);
    drop(deaf);
}

#[test]
fn a_client_that_takes_its_time_is_sent_away() {
    let (server, address) =
        Home::new("[api]\nhead_timeout = '300ms'\nbody_timeout = '300ms'\nidle_timeout = '300ms'")
            .start();
    rest(sent(address, ""));
    rest(sent(address, HALF_A_HEAD));
    let (status, _, body) = answer(sent(address, HALF_A_BODY));
    assert_eq!(status, 408);
    assert!(body["error"].is_string());
    // One that has had its answer and asks for nothing more.
    let alive = "GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n";
    assert!(rest(sent(address, alive)).starts_with("HTTP/1.1 200"));
    // One that sends a byte now and then.
    let mut drop_by_drop = sent(address, "GET /");
    let begun = Instant::now();
    while drop_by_drop.write_all(b"x").is_ok() {
        assert!(
            begun.elapsed() < Duration::from_secs(30),
            "it goes on and on"
        );
        sleep(Duration::from_millis(50));
    }
    server.terminate().expect_code(0);
}

#[test]
fn silent_clients_shut_nobody_out() {
    let patient = "head_timeout = '1h'\nbody_timeout = '1h'\nidle_timeout = '1h'";
    let (server, address) = Home::new(&format!("[api]\nconnections = 8\n{patient}")).start();
    let mut silent = Vec::new();
    for _ in 0..4 {
        for text in ["", HALF_A_HEAD, HALF_A_BODY].repeat(4) {
            silent.push(sent(address, text));
        }
        Client::new(address).token();
    }
    expect_prompt_stop(server);
}

#[test]
fn silent_clients_that_use_up_the_descriptors_shut_nobody_out() {
    let home = Home::new("");
    let (server, address) = home.start_after("ulimit -n 40");
    let silent: Vec<TcpStream> = (0..80).map(|_| sent(address, HALF_A_HEAD)).collect();
    let client = Client::new(address);
    client.whoami(&client.token()).unwrap().expect_status(200);
    expect_prompt_stop(server);
    drop(silent);
}

#[test]
fn a_flood_of_log_ins_is_bounded_and_costs_no_observation() {
    let home = Home::new("opaque.gc.interval = '1h'");
    let (server, address) = home.start();
    let client = Client::new(address);
    let token = client.token();

    let flood =
        || -> Vec<TcpStream> { (0..100).map(|_| sent(address, &login("a guess"))).collect() };
    let mut statuses = BTreeSet::new();
    for stream in flood() {
        let (status, head, body) = answer(stream);
        assert_eq!(status == 503, head.contains("retry-after:"), "{head}");
        assert!(body["error"].is_string(), "{body}");
        statuses.insert(status);
    }
    assert_eq!(statuses, BTreeSet::from([401, 503]));
    // Two hashes of 19 MiB, and what the server needs by itself.
    #[cfg(target_os = "linux")]
    assert!(server.peak_memory() < 120, "{} MiB", server.peak_memory());

    let observed = client.whoami(&token).unwrap().expect_status(200);
    let strangers = flood();
    expect_prompt_stop(server);
    drop(strangers);
    let row = &database::sessions(&home.database())[&database::id(&token)];
    assert!(row.observed_at >= Some(millis(&observed["observed_at"])));
}

#[test]
fn more_requests_than_are_answered_at_once_are_refused() {
    let (server, address) = Home::new("api.requests = 1\nlogin.hashes = 1").start();
    let at_once: Vec<TcpStream> = (0..20).map(|_| sent(address, &login("a guess"))).collect();
    let mut statuses = BTreeSet::new();
    for stream in at_once {
        let (status, head, _) = answer(stream);
        assert_eq!(status == 503, head.contains("retry-after:"), "{head}");
        statuses.insert(status);
    }
    assert_eq!(statuses, BTreeSet::from([401, 503]));
    // Those who ask whether it lives are not.
    let (status, ..) = answer(sent(address, &request("GET", "/livez", "")));
    assert_eq!(status, 200);
    server.terminate().expect_code(0);
}

#[test]
fn spans_are_as_few_as_routes_and_no_larger_than_allowed() {
    const MAX: u64 = 40_000;
    let home = Home::new(&format!("spans.max_bytes = {MAX}"));
    let (server, address) = home.start();
    for number in 0..400 {
        let text = match number % 4 {
            0 => request("GET", &format!("/{number}/{}", "x".repeat(1000)), ""),
            1 => request(&format!("M{number}"), &format!("/{number}"), ""),
            2 => request(&format!("M{number}"), "/whoami", ""),
            _ => request("GET", &format!("/whoami?{number}"), ""),
        };
        answer(sent(address, &text));
    }
    server.terminate().expect_code(0);

    let aside = home.spans().with_extension("jsonl.1");
    let spans = fs::read_to_string(&aside).unwrap() + &fs::read_to_string(home.spans()).unwrap();
    let names: BTreeSet<String> = spans
        .lines()
        .map(|line| {
            let span: Value = serde_json::from_str(line).unwrap();
            span["name"].as_str().unwrap().to_owned()
        })
        .collect();
    let expected = ["unmatched", "OTHER /whoami", "GET /whoami"].map(str::to_owned);
    assert_eq!(names, BTreeSet::from(expected));
    for file in [aside, home.spans()] {
        assert!(fs::metadata(file).unwrap().len() <= MAX);
    }
}

#[test]
fn a_reader_of_the_log_who_goes_away_ends_nothing() {
    let home = Home::new("opaque.gc.interval = '10ms'");
    let mut child = Command::new(env!("CARGO_BIN_EXE_identity"))
        .env_clear()
        .env("IDENTITY_DATA", home.data())
        .env("IDENTITY_OPS", "127.0.0.1:0")
        .env("IDENTITY_LISTEN", "127.0.0.1:0")
        .arg("--config")
        .arg(home.settings())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let line = lines
        .find_map(|line| line.ok().filter(|line| line.contains("listening")))
        .unwrap();
    drop(lines);
    let address = line.split("address=").nth(1).unwrap().trim();
    let client = Client::new(address.parse().unwrap());

    // Each time a tick has something to write down, and to say.
    let token = client.token();
    for _ in 0..5 {
        let observed = client.whoami(&token).unwrap().expect_status(200);
        let observed = Some(millis(&observed["observed_at"]));
        let row = || database::sessions(&home.database())[&database::id(&token)].observed_at;
        let begun = Instant::now();
        while row() < observed {
            assert!(begun.elapsed() < Duration::from_secs(30), "no tick");
            sleep(Duration::from_millis(5));
        }
    }
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_client_that_resets_its_connection_ends_nothing() {
    let (server, address) = Home::new("").start();
    for text in ["", HALF_A_HEAD, HALF_A_BODY, &login("a guess")] {
        let stream = sent(address, &request("GET", "/livez", ""));
        // Closed with an answer that was not read: a reset.
        stream.peek(&mut [0; 1]).unwrap();
        drop(stream);
        drop(sent(address, text));
    }
    let mut last = sent(address, &request("GET", "/livez", ""));
    last.read_exact(&mut [0; 1]).unwrap();
    server.terminate().expect_code(0);
}
