//! `cloud`: the vendor's API, for an installation that has none: it keeps what it is told in a file, a call a line.

use std::{path::PathBuf, sync::Arc};

use axum::{Json, Router, extract::State, http::StatusCode, http::Uri, routing::post};
use lifecycle::{Context, Result, Server, service};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::domain::{cloud::HttpCloud, telemetry::append};

#[service(server)]
pub struct LocalCloud {
    pub listen: String,
    pub file: PathBuf,
    pub client: Arc<HttpCloud>,
}

impl Server for LocalCloud {
    type Bound = TcpListener;

    async fn bind(&self, _: &Context) -> Result<TcpListener> {
        let listener = TcpListener::bind(&self.listen).await?;
        self.client.is_at(&listener.local_addr()?.to_string());
        Ok(listener)
    }

    async fn serve(&self, listener: TcpListener, cx: &Context) -> Result {
        let routes = Router::new()
            .route("/{*path}", post(keep))
            .with_state(self.file.clone());
        let stop = cx.stop_channel().closed_owned();
        let server = axum::serve(listener, routes);
        Ok(server.with_graceful_shutdown(stop).await?)
    }
}

async fn keep(
    path: Uri,
    State(file): State<PathBuf>,
    Json(body): Json<Value>,
) -> Result<Json<Value>, StatusCode> {
    let line = json!({ "path": path.path(), "body": body }).to_string();
    let kept = append(file, line + "\n").await;
    kept.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok(Json(json!({ "plan": "enterprise" })))
}
