//! What the process is doing, for a person with a question.

use std::env;

use axum::{Json, Router, routing::get};
use serde_json::json;
use tokio::runtime::Handle;

pub fn routes() -> Router {
    Router::new()
        .route(
            "/debug/pprof/cmdline",
            get(async || Json(env::args().collect::<Vec<_>>())),
        )
        .route(
            "/debug/pprof/runtime",
            get(async || {
                let runtime = Handle::current().metrics();
                Json(json!({
                    "tasks": runtime.num_alive_tasks(),
                    "workers": runtime.num_workers(),
                    "queued": runtime.global_queue_depth(),
                }))
            }),
        )
}
