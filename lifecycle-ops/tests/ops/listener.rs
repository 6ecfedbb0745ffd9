//! The listeners: where they may be, what a client can hold, and that nothing of it disturbs the stop.

use std::io::{Read, Write};
use std::sync::Arc;
use std::time::Duration;

use lifecycle::{Registry, Running, registry};
use lifecycle_ops::Ops;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use crate::services::{Plain, Slow, stopped};

fn with(ops: &Arc<Ops>) -> Registry {
    registry! { "ops" => ops.clone(), "plain" => Plain, }.signals(false)
}

async fn up(ops: Ops) -> (Arc<Ops>, Running) {
    let ops = Arc::new(ops);
    let running = with(&ops).start();
    running.await_healthy().await.unwrap();
    (ops, running)
}

async fn refusal(ops: Ops) -> String {
    let running = with(&Arc::new(ops)).start();
    let error = running.await_healthy().await.unwrap_err();
    let _ = running.stop().await;
    error.to_string()
}

/// Sends these bytes and reads to the end.
async fn exchange(ops: &Ops, sent: &str) -> String {
    let mut socket = TcpStream::connect(ops.address().unwrap()).await.unwrap();
    socket.write_all(sent.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // A connection that is closed with bytes unread is reset; what came before was read.
    let _ = socket.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or("none")
}

#[tokio::test]
async fn it_serves_while_others_start_and_drain() {
    let slow = Slow {
        drain: Duration::from_millis(50),
        ..Slow::default()
    };
    let go = slow.go.clone();
    let ops = Arc::new(Ops::listen("127.0.0.1:0"));
    let registry = registry! { "ops" => ops.clone(), before = all, "slow" => slow, };
    let running = registry.signals(false).start();
    while ops.address().is_none() {
        tokio::task::yield_now().await;
    }
    assert_eq!(status(&exchange(&ops, &get("/readyz")).await), "503");
    assert_eq!(status(&exchange(&ops, &get("/livez")).await), "200");
    go.notify_one();
    running.await_healthy().await.unwrap();
    assert_eq!(status(&exchange(&ops, &get("/readyz")).await), "200");
    let stop = tokio::spawn(stopped(running));
    tokio::task::yield_now().await;
    assert_eq!(
        status(&exchange(&ops, &get("/livez")).await),
        "200",
        "it drains"
    );
    assert_eq!(status(&exchange(&ops, &get("/readyz")).await), "503");
    stop.await.unwrap();
    assert!(ops.address().is_none());
}

#[tokio::test]
async fn the_probes_have_nothing_else_and_answer_every_host() {
    let (ops, running) = up(Ops::listen("127.0.0.1:0").probes("127.0.0.1:0")).await;
    let ask = async |path: &str| {
        let mut socket = TcpStream::connect(ops.probes_address().unwrap())
            .await
            .unwrap();
        let sent = get(path).replace("localhost", "10.1.2.3");
        socket.write_all(sent.as_bytes()).await.unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.unwrap();
        status(&answer).to_owned()
    };
    for path in [
        "/livez",
        "/readyz",
        "/startupz",
        "/healthz",
        "/metrics",
        "/readyz/plain",
    ] {
        assert_eq!(ask(path).await, "200", "{path}");
    }
    for path in [
        "/",
        "/services",
        "/services/plain",
        "/shutdown",
        "/events",
        "/graph.svg",
        "/startup",
    ] {
        assert_eq!(ask(path).await, "404", "{path}");
    }
    stopped(running).await;
}

#[tokio::test]
async fn what_other_machines_can_reach_is_refused_unless_it_is_told() {
    let exposed = refusal(Ops::listen("0.0.0.0:0")).await;
    assert!(
        exposed.contains("`0.0.0.0:0` can be reached from other machines"),
        "{exposed}"
    );
    let unguarded = refusal(Ops::listen("0.0.0.0:0").host("ops.example.com").control()).await;
    assert!(
        unguarded.contains("`.control()` needs a `.token(..)`"),
        "{unguarded}"
    );
    for token in ["", "two words", "tökén", "line\nbreak"] {
        let refused = refusal(Ops::listen("127.0.0.1:0").control().token(token)).await;
        assert!(refused.contains("visible ASCII"), "{refused}");
    }
    let guarded = Ops::listen("0.0.0.0:0")
        .host("ops.example.com")
        .control()
        .token("x");
    stopped(up(guarded).await.1).await;
    stopped(up(Ops::listen("localhost:0").control()).await.1).await;
}

#[tokio::test]
async fn an_address_that_is_taken_or_wrong_is_an_error_with_its_name() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for wrong in [&*address, "nowhere", "127.0.0.1:99999"] {
        let error = refusal(Ops::listen(wrong)).await;
        assert!(
            error.contains(&format!("can't listen on `{wrong}`")),
            "{error}"
        );
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_unix_socket_is_for_its_owner_and_leaves_no_file() {
    use std::os::unix::fs::PermissionsExt;

    let folder = std::env::temp_dir().join(format!("lifecycle-ops-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("ops.sock");
    // What a run that was killed leaves behind.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    for _ in 0..2 {
        let (ops, running) = up(Ops::listen(format!("unix:{}", path.display())).control()).await;
        assert_eq!(ops.address(), None);
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let mut socket = tokio::net::UnixStream::connect(&path).await.unwrap();
        socket.write_all(get("/readyz").as_bytes()).await.unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.unwrap();
        assert_eq!(status(&answer), "200");
        let second = refusal(Ops::listen(format!("unix:{}", path.display()))).await;
        assert!(
            second.contains("can't listen on"),
            "one listens there: {second}"
        );
        stopped(running).await;
        assert!(!path.exists());
    }
    std::fs::remove_dir(&folder).unwrap();
}

#[tokio::test]
async fn bad_requests_get_a_plain_error_each() {
    let (ops, running) = up(Ops::listen("127.0.0.1:0").control()).await;
    let long = "x".repeat(1 << 20);
    let cases = [
        (format!("GET /{long} HTTP/1.1\r\nhost: localhost\r\n\r\n"), "414 431"),
        (format!("GET / HTTP/1.1\r\nhost: localhost\r\nx: {long}\r\n\r\n"), "431"),
        (format!("GET / HTTP/1.1\r\nhost: localhost\r\n{}\r\n", "a: b\r\n".repeat(5_000)), "431"),
        (get("/readyz").replace("host:", &format!("x: {}\r\nhost:", "y".repeat(7_000))), "200"),
        (get("/readyz").replace("host:", &format!("x: {}\r\nhost:", "y".repeat(9_000))), "431"),
        ("\0\0\0\0\r\n\r\n".to_owned(), "400"),
        ("GET / HTTP/9.9\r\n\r\n".to_owned(), "400"),
        ("GET /%ff%fe HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n".to_owned(), "404"),
        (get("/services/%ff"), "404"),
        (get("/../../etc/passwd"), "404"),
        (get("//evil.example/"), "404"),
        (get("/services"), "200"),
        (get("/services").replace("GET", "BREW"), "405"),
        (get("/services").replace("GET", "CONNECT"), "405 400 404 403"),
        (get("/services").replace("localhost", "evil.example"), "403"),
        (get("/shutdown").replace("GET", "POST"), "415"),
        ("POST /shutdown HTTP/1.1\r\nhost: localhost\r\ncontent-length: 99999999999999\r\n\r\n".to_owned(), "415"),
        ("POST /shutdown HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n".to_owned(), "415 400"),
    ];
    for (sent, expected) in cases {
        let answer = timeout(Duration::from_secs(20), exchange(&ops, &sent))
            .await
            .unwrap();
        let shown: String = sent.chars().take(60).collect();
        // A client that is still sending may be reset before it has read its answer.
        let is_reset = answer.is_empty() && sent.len() > 10_000;
        assert!(
            is_reset || expected.contains(status(&answer)),
            "{shown:?}: {answer}"
        );
    }
    assert_eq!(
        status(&exchange(&ops, &get("/readyz")).await),
        "200",
        "it serves on"
    );
    stopped(running).await;
}

/// On the paused clock: it moves on when all wait, and then by what they wait for.
#[tokio::test(start_paused = true)]
async fn a_client_that_is_slow_with_its_headers_is_dropped_after_two_seconds() {
    let (ops, running) = up(Ops::listen("127.0.0.1:0")).await;
    for begun in ["", "GET /", "GET / HTTP/1.1\r\nhost: loc"] {
        let from = Instant::now();
        let answer = exchange(&ops, begun).await;
        assert!(answer.is_empty() || status(&answer) == "408", "{answer}");
        assert_eq!(from.elapsed().as_secs(), 2, "{begun:?}");
    }
    stopped(running).await;
}

#[tokio::test]
async fn no_more_than_thirty_two_connections_are_served_at_once() {
    let (ops, running) = up(Ops::listen("127.0.0.1:0").probes("127.0.0.1:0")).await;
    let address = ops.address().unwrap();
    let mut held = Vec::new();
    for _ in 0..32 {
        let mut socket = TcpStream::connect(address).await.unwrap();
        // One request, answered: the connection is served, and stays open.
        socket
            .write_all(b"GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n")
            .await
            .unwrap();
        let mut answer = [0; 1024];
        assert!(socket.read(&mut answer).await.unwrap() > 0);
        held.push(socket);
    }
    let mut more = TcpStream::connect(address).await.unwrap();
    more.write_all(get("/livez").as_bytes()).await.unwrap();
    let mut answer = String::new();
    let early = timeout(Duration::from_millis(100), more.read_to_string(&mut answer)).await;
    assert!(early.is_err(), "the thirty-third waits");
    let mut probe = TcpStream::connect(ops.probes_address().unwrap())
        .await
        .unwrap();
    probe.write_all(get("/livez").as_bytes()).await.unwrap();
    let mut probed = String::new();
    probe.read_to_string(&mut probed).await.unwrap();
    assert_eq!(
        status(&probed),
        "200",
        "the probes have places of their own"
    );
    drop(held.pop());
    more.read_to_string(&mut answer).await.unwrap();
    assert_eq!(status(&answer), "200", "and is served when one has gone");
    stopped(running).await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_reads_no_answers_does_not_hold_up_the_stop() {
    let (ops, running) = up(Ops::listen("127.0.0.1:0")).await;
    let mut socket = TcpStream::connect(ops.address().unwrap()).await.unwrap();
    let request = "GET /metrics HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(1_000);
    // Until neither side can write any more.
    while timeout(Duration::from_secs(1), socket.write_all(request.as_bytes()))
        .await
        .is_ok()
    {}
    let from = Instant::now();
    stopped(running).await;
    assert_eq!(from.elapsed(), Duration::from_millis(500));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_reads_no_answers_is_dropped_after_ten_seconds() {
    let (ops, running) = up(Ops::listen("127.0.0.1:0")).await;
    let mut socket = TcpStream::connect(ops.address().unwrap()).await.unwrap();
    let request = "GET /metrics HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(1_000);
    let from = Instant::now();
    while socket.write_all(request.as_bytes()).await.is_ok() {}
    assert_eq!(from.elapsed().as_secs(), 10);
    stopped(running).await;
}

/// As many as the limit of open files lets us: both ends are in this process.
#[test]
fn thousands_of_connections_do_not_hold_up_the_stop() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let (ops, running) = runtime.block_on(up(Ops::listen("127.0.0.1:0").probes("127.0.0.1:0")));
    let addresses = [ops.address().unwrap(), ops.probes_address().unwrap()];
    let mut clients = Vec::new();
    for number in 0..10_000 {
        let Ok(mut socket) = std::net::TcpStream::connect_timeout(
            &addresses[number % 2],
            Duration::from_millis(200),
        ) else {
            break;
        };
        let begun = [
            "",
            "GET /livez HT",
            "GET /services HTTP/1.1\r\nhost: localhost\r\n\r\n",
        ];
        socket.write_all(begun[number % 3].as_bytes()).unwrap();
        clients.push(socket);
    }
    assert!(clients.len() > 64, "{}", clients.len());
    let from = std::time::Instant::now();
    let outcome = runtime.block_on(running.stop());
    assert_eq!(outcome.exit_code(), 0, "{outcome}");
    assert!(
        from.elapsed() < Duration::from_secs(2),
        "{:?}",
        from.elapsed()
    );
    // Every one is closed or reset: nothing of them is left.
    for socket in &mut clients {
        socket
            .set_read_timeout(Some(Duration::from_secs(5)))
            .unwrap();
        let mut rest = Vec::new();
        let ended = socket.read_to_end(&mut rest);
        let kind = ended.err().map(|error| error.kind());
        assert!(
            !matches!(kind, Some(std::io::ErrorKind::WouldBlock)),
            "it is still open"
        );
    }
}
