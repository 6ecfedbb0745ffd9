//! Asks without a network: a request in, an answer out.

use std::pin::pin;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body::Body as _;
use lifecycle_ops::{Body, OpsService};
use tower_service::Service;

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

/// A request from this machine.
pub(crate) fn request(method: &Method, path: &str) -> http::request::Builder {
    Request::builder()
        .method(method)
        .uri(path)
        .header("host", "localhost:9900")
}

pub(crate) async fn send(service: &OpsService, request: Request<()>) -> Answer {
    let answer = service.clone().call(request).await.unwrap();
    let (parts, body) = answer.into_parts();
    Answer {
        status: parts.status,
        headers: parts.headers,
        text: all(body).await,
    }
}

async fn all(body: Body) -> String {
    let mut body = pin!(body);
    let mut text = Vec::new();
    while let Some(frame) = std::future::poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
        let bytes: Bytes = frame.unwrap().into_data().unwrap();
        text.extend_from_slice(&bytes);
    }
    String::from_utf8(text).unwrap()
}

pub(crate) async fn get(service: &OpsService, path: &str) -> Answer {
    let request = request(&Method::GET, path).body(()).unwrap();
    send(service, request).await
}

/// An order as the page sends it.
pub(crate) async fn post(service: &OpsService, path: &str) -> Answer {
    send(service, order(path).body(()).unwrap()).await
}

pub(crate) fn order(path: &str) -> http::request::Builder {
    request(&Method::POST, path)
        .header("content-type", "application/json")
        .header("authorization", "Bearer open-sesame")
}

/// With control, as `order` asks.
pub(crate) fn steered(service: OpsService) -> OpsService {
    service.control().token("open-sesame")
}
