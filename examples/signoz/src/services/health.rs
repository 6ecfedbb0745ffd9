//! The probes: where the library's own endpoint (`ops`) is not wanted, they are this much.

use axum::{Json, Router, http::StatusCode, routing::get};
use lifecycle::Handle;
use serde_json::{Value, json};

pub fn routes(handle: Handle) -> Router {
    let health = async move || (status(&handle), Json(states(&handle)));
    Router::new()
        .route("/api/v1/health", get(health.clone()))
        .route("/readyz", get(health))
        .route("/livez", get(async || StatusCode::OK))
}

fn status(handle: &Handle) -> StatusCode {
    if handle.is_healthy() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    }
}

fn states(handle: &Handle) -> Value {
    let states = handle.states().into_iter();
    states
        .map(|service| json!({ "name": &*service.name, "state": service.state.as_str() }))
        .collect()
}
