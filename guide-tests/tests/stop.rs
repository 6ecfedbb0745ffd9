//! Each server answers, and stops when it is asked to.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::{Router, routing::get};
use lifecycle::{Outcome, Running, Service, registry};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tonic::transport::Endpoint;
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

/// A free port of an address that no other test uses.
fn free(host: &str) -> String {
    let listener = TcpListener::bind((host, 0)).unwrap();
    listener.local_addr().unwrap().to_string()
}

async fn start(service: impl Service) -> Running {
    let running = registry! { "api" => service, stop_timeout = "8s" }
        .signals(false)
        .start();
    running.await_healthy().await.unwrap();
    running
}

async fn get_hello(address: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = b"GET /hello HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

/// Stops it while a client is connected that asks for nothing.
async fn stop(running: Running, address: &str) -> Outcome {
    let _silent = TcpStream::connect(address).await.unwrap();
    running.stop().await
}

async fn check(service: impl Service, address: &str) {
    let running = start(service).await;
    let answer = get_hello(address).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("hello\n"), "{answer}");

    let outcome = stop(running, address).await;
    assert_eq!(outcome.exit_code(), 0, "{outcome:?}");
    assert!(
        TcpStream::connect(address).await.is_err(),
        "the port is still open"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn axum_answers_and_stops() {
    let address = free("127.0.0.2");
    let routes = Router::new().route("/hello", get(async || "hello\n"));
    check(
        guide_tests::axum::Api {
            address: address.clone(),
            routes,
        },
        &address,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hyper_answers_and_stops() {
    let address = free("127.0.0.3");
    check(
        guide_tests::hyper::Api {
            address: address.clone(),
        },
        &address,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn actix_answers_and_stops() {
    let address = free("127.0.0.4");
    check(
        guide_tests::actix::Api {
            address: address.clone(),
        },
        &address,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tonic_answers_and_stops() {
    let address = free("127.0.0.5");
    let running = start(guide_tests::tonic::Api {
        address: address.clone(),
        linger: Duration::from_millis(50),
    })
    .await;
    let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
    let mut client = HealthClient::new(endpoint.connect().await.unwrap());
    let answer = client.check(HealthCheckRequest::default()).await.unwrap();
    assert_eq!(answer.into_inner().status, 1, "serving");

    let outcome = stop(running, &address).await;
    assert_eq!(outcome.exit_code(), 0, "{outcome:?}");
    assert!(client.check(HealthCheckRequest::default()).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn rayon_sums_in_a_tick() {
    let service = Arc::new(guide_tests::rayon::Checksums {
        files: [vec![1, 2], vec![3]].into(),
        total: AtomicU64::new(0),
    });
    let running = start(service.clone()).await;
    running.handle().trigger("api").await.unwrap();
    assert_eq!(service.total.load(Ordering::Relaxed), 6);
    assert_eq!(running.stop().await.exit_code(), 0);
}
