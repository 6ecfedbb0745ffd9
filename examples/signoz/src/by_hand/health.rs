use std::sync::Arc;

use axum::{Json, Router, http::StatusCode, routing::get};
use serde_json::{Value, json};

use super::registry::Registry;

pub fn routes(registry: Arc<Registry>) -> Router {
    let health = async move || (status(&registry), Json(states(&registry)));
    Router::new()
        .route("/api/v1/health", get(health.clone()))
        .route("/readyz", get(health))
        .route("/livez", get(async || StatusCode::OK))
}

fn status(registry: &Registry) -> StatusCode {
    if registry.is_healthy() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    }
}

fn states(registry: &Registry) -> Value {
    let states = registry.states().into_iter();
    states
        .map(|(name, state)| json!({ "name": name, "state": state.as_str() }))
        .collect()
}
