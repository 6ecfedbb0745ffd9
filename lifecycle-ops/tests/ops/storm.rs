//! A crowd of connections at the stop of a real program.

#![allow(clippy::print_stdout, reason = "the program talks to the test")]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use lifecycle::{Context, Idle, Result, registry, service};
use lifecycle_ops::Ops;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

const IS_CHILD: &str = "LIFECYCLE_OPS_TEST_CHILD";

/// How many connections there are, as far as open files are allowed.
const CONNECTIONS: usize = 10_000;

#[service(idle)]
struct Drains;

impl Idle for Drains {
    async fn drain(&self, _: &Context) -> Result {
        println!("drains");
        tokio::time::sleep(Duration::from_millis(300)).await;
        println!("drained");
        Ok(())
    }
}

#[service(idle)]
struct Tells(std::sync::Arc<Ops>);

impl Idle for Tells {
    async fn startup(&self, _: &Context) -> Result {
        println!("listens {}", self.0.address().unwrap());
        Ok(())
    }
}

/// What the other test starts as a program of its own. By itself it does nothing.
#[test]
fn program() {
    if std::env::var_os(IS_CHILD).is_none() {
        return;
    }
    let ops = std::sync::Arc::new(Ops::listen("127.0.0.1:0").control());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let outcome = runtime.block_on(
        registry! {
            "ops" => ops.clone(), before = all,
            "drains" => Drains,
            "tells" => Tells(ops),
        }
        .run(),
    );
    drop(runtime);
    std::process::exit(outcome.exit_code().into());
}

struct Program {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Program {
    fn start() -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "storm::program", "--nocapture"])
            .env(IS_CHILD, "yes")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// What follows these words, on the first line that has them.
    fn says(&mut self, words: &str) -> Option<String> {
        self.lines
            .by_ref()
            .map_while(std::result::Result::ok)
            .find_map(|line| {
                let (_, rest) = line.split_once(words)?;
                Some(rest.trim().to_owned())
            })
    }

    /// The most memory that it has ever had, in KiB.
    fn peak(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        line.unwrap()
            .trim()
            .trim_end_matches(" kB")
            .parse()
            .unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Connects, sends the beginning of something, and reads until the other side ends it.
async fn connection(address: String, begun: &'static str) {
    // Those for which the kernel has no place wait for one, and are refused when the listener is gone.
    let Ok(mut socket) = TcpStream::connect(&address).await else {
        return;
    };
    let _ = socket.write_all(begun.as_bytes()).await;
    let mut rest = Vec::new();
    let _ = socket.read_to_end(&mut rest).await;
}

#[tokio::test]
async fn ten_thousand_connections_at_sigterm_cost_bounded_memory_and_no_time() {
    let mut program = Program::start();
    let address = program.says("listens ").unwrap();
    let calm = program.peak();
    let begun = [
        "",
        "GET /livez HT",
        "GET /metrics HTTP/1.1\r\nhost: localhost\r\n\r\n",
        "GET /events HTTP/1.1\r\nhost: localhost\r\n\r\n",
        "POST /shutdown HTTP/1.1\r\nhost: evil.example\r\ncontent-length: 9999999\r\n\r\nxxxxxxxxxxxxxxxxx",
    ];
    let mut crowd = JoinSet::new();
    for number in 0..CONNECTIONS {
        crowd.spawn(connection(address.clone(), begun[number % begun.len()]));
        if number % 500 == 0 {
            tokio::task::yield_now().await;
        }
    }
    // Until the crowd is there: those that are served go on, the rest waits.
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!crowd.is_empty());
    let from = Instant::now();
    let pid = program.child.id().to_string();
    let sent = Command::new("kill").args(["-TERM", &pid]).status().unwrap();
    assert!(sent.success());
    let (program, drained, peak, code) = tokio::task::spawn_blocking(move || {
        let asked = program.says("drains").is_some();
        assert!(asked, "no drain: {:?}", program.child.wait());
        // It is there for as long as the drain takes.
        let peak = program.peak();
        let drained = program.says("drained").is_some();
        let code = program.child.wait().unwrap().code();
        (program, drained, peak, code)
    })
    .await
    .unwrap();
    let took = from.elapsed();
    drop(program);
    assert!(drained, "the stop drains what there is");
    assert_eq!(code, Some(0));
    assert!(took < Duration::from_secs(4), "{took:?}");
    let grown = peak.saturating_sub(calm);
    assert!(grown < 32 * 1024, "{grown} KiB more than without them");
    // All of them end. The last ones hear of it when the kernel tries again to connect them.
    let gone = timeout(Duration::from_secs(20), async {
        while crowd.join_next().await.is_some() {}
    });
    gone.await.unwrap();
}
