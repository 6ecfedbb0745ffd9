//! The events as they happen.

use std::pin::{Pin, pin};
use std::time::Duration;

use http::Method;
use http_body::Body as _;
use lifecycle::{Registry, registry};
use lifecycle_ops::{Body, Ops, OpsService};
use tokio::time::{Instant, timeout};
use tower_service::Service;

use crate::client::{get, request};
use crate::services::{Plain, Slow, Ticking, stopped};

struct Stream {
    body: Pin<Box<Body>>,
    read: String,
}

impl Stream {
    async fn open(service: &OpsService, last: Option<&str>) -> Self {
        let mut asked = request(&Method::GET, "/events");
        if let Some(last) = last {
            asked = asked.header("last-event-id", last);
        }
        let answer = service.clone().call(asked.body(()).unwrap()).await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        Self {
            body: Box::pin(answer.into_body()),
            read: String::new(),
        }
    }

    async fn piece(&mut self) -> Option<String> {
        let frame = std::future::poll_fn(|cx| self.body.as_mut().poll_frame(cx)).await?;
        let bytes = frame.unwrap().into_data().unwrap();
        Some(String::from_utf8(bytes.to_vec()).unwrap())
    }

    /// Reads until there is nothing for a second.
    async fn settled(&mut self) -> &str {
        while let Ok(Some(piece)) = timeout(Duration::from_secs(1), self.piece()).await {
            self.read.push_str(&piece);
        }
        &self.read
    }

    fn ids(&self) -> Vec<&str> {
        self.read
            .lines()
            .filter_map(|line| line.strip_prefix("id: "))
            .collect()
    }
}

fn two() -> Registry {
    registry! { "a" => Plain, "b" => Plain, after = ["a"], }.signals(false)
}

#[tokio::test(start_paused = true)]
async fn every_move_has_a_number_a_kind_and_its_data() {
    let registry = two();
    let ops = Ops::service(registry.handle());
    let mut stream = Stream::open(&ops, None).await;
    let running = registry.start();
    let text = stream.settled().await;
    assert!(text.starts_with("retry: 1000\n\n"), "{text}");
    assert!(text.contains("\nevent: moved\ndata: {\"id\":1,"), "{text}");
    assert!(
        text.contains("\"service\":\"b\",\"from\":\"starting\",\"to\":\"running\""),
        "{text}"
    );
    assert!(text.contains("event: healthy\n"), "{text}");
    let numbers: Vec<String> = stream
        .ids()
        .iter()
        .map(|id| id.rsplit('-').next().unwrap().to_owned())
        .collect();
    let expected: Vec<String> = (1..=numbers.len())
        .map(|number| number.to_string())
        .collect();
    assert_eq!(numbers, expected);
    stopped(running).await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_comes_back_gets_what_it_has_missed() {
    let registry = two();
    let ops = Ops::service(registry.handle());
    let running = registry.start();
    let mut first = Stream::open(&ops, Some("1a2b3c-7")).await;
    let all = first.settled().await.to_owned();
    let ids = first.ids();
    assert!(ids.len() > 4);
    let seen = ids[2].to_owned();
    drop(first.body);
    let mut again = Stream::open(&ops, Some(&seen)).await;
    again.settled().await;
    let rest = all.split_once(&format!("id: {seen}\n")).unwrap().1;
    let rest = rest.split_once("\n\n").unwrap().1;
    assert_eq!(again.read, format!("retry: 1000\n\n{rest}"));
    for unheard in ["", "x", "-", "9999999999999999999999"] {
        let mut stream = Stream::open(&ops, Some(unheard)).await;
        assert_eq!(
            stream.settled().await,
            all,
            "{unheard}: of what it has seen we know nothing"
        );
    }
    let mut fresh = Stream::open(&ops, None).await;
    assert_eq!(
        fresh.settled().await,
        "retry: 1000\n\n",
        "what was before is not asked for"
    );
    stopped(running).await;
}

#[tokio::test(start_paused = true)]
async fn silence_is_broken_by_a_comment_every_fifteen_seconds() {
    let registry = two();
    let ops = Ops::service(registry.handle());
    let running = registry.start();
    running.await_healthy().await.unwrap();
    let mut stream = Stream::open(&ops, None).await;
    stream.settled().await;
    let from = Instant::now();
    for round in 1..4 {
        assert_eq!(stream.piece().await.unwrap(), ": still here\n\n");
        assert_eq!(
            from.elapsed().as_secs() / 15,
            round - u64::from(from.elapsed().as_secs() % 15 != 0)
        );
    }
    stopped(running).await;
}

#[tokio::test(start_paused = true)]
async fn the_stream_goes_on_through_the_drain_and_ends_with_the_application() {
    let slow = Slow {
        drain: Duration::from_secs(3),
        ..Slow::default()
    };
    slow.go.notify_one();
    let registry = registry! { "slow" => slow }.signals(false);
    let ops = Ops::service(registry.handle());
    let running = registry.start();
    running.await_healthy().await.unwrap();
    let mut stream = Stream::open(&ops, None).await;
    let stop = tokio::spawn(stopped(running));
    while let Some(piece) = stream.piece().await {
        stream.read.push_str(&piece);
    }
    assert!(stream.read.contains("event: stopping\n"), "{}", stream.read);
    assert!(
        stream
            .read
            .contains("\"from\":\"stopping\",\"to\":\"stopped\""),
        "{}",
        stream.read
    );
    assert!(
        stream.read.ends_with("event: end\ndata: {}\n\n"),
        "{}",
        stream.read
    );
    stop.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn there_are_four_streams_at_most_and_the_fifth_is_told_to_come_back() {
    let registry = two();
    let ops = Ops::service(registry.handle());
    let mut streams = Vec::new();
    for _ in 0..4 {
        streams.push(Stream::open(&ops, None).await);
    }
    let fifth = get(&ops, "/events").await;
    assert_eq!(fifth.status, 503);
    assert_eq!(fifth.headers["retry-after"], "5");
    streams.pop();
    drop(Stream::open(&ops, None).await);
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_with_the_server_that_serves_it() {
    let cx = lifecycle::testing::context("api");
    let registry = two();
    let ops = Ops::service(registry.handle()).until(cx.stop_channel());
    let mut stream = Stream::open(&ops, None).await;
    stream.settled().await;
    lifecycle::testing::stop(&cx);
    assert_eq!(stream.piece().await.unwrap(), "event: end\ndata: {}\n\n");
    assert!(pin!(stream.piece()).await.is_none());
}

#[tokio::test(start_paused = true)]
async fn of_what_a_client_has_missed_the_last_256_come_back_and_the_rest_is_counted() {
    let registry = registry! { "gc" => Ticking::default() }.signals(false);
    let ops = Ops::service(registry.handle());
    let mut stream = Stream::open(&ops, None).await;
    let running = registry.start();
    stream.settled().await;
    let seen = stream.ids().last().copied().unwrap().to_owned();
    drop(stream);
    tokio::time::sleep(Duration::from_secs(60 * 300)).await;
    let mut stream = Stream::open(&ops, Some(&seen)).await;
    let text = stream.settled().await.to_owned();
    assert_eq!(stream.ids().len(), 256, "of three hundred");
    let (process, last) = seen.rsplit_once('-').unwrap();
    let last: u64 = last.parse().unwrap();
    assert!(
        text.contains(&format!(": {} events were left out\n", 300 - 256)),
        "{text}"
    );
    assert_eq!(stream.ids()[0], format!("{process}-{}", last + 300 - 255));
    // What comes from now on comes as it happens.
    tokio::time::sleep(Duration::from_secs(60)).await;
    stream.settled().await;
    assert_eq!(stream.ids().len(), 257);
    stopped(running).await;
}
