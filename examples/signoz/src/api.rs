//! What the API over HTTP does. Every call but the first needs a token and the right to do what it does, and is in the audit log.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header::AUTHORIZATION},
    response::{IntoResponse, Response},
    routing::{get, post, put},
};
use lifecycle::{BoxError, Intake};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    domain::{
        agents::Agents, analytics::Analytics, audit::AuditEvent, authz::Authz, licenses::Licenses,
        rules::Rule, store::Store, telemetry::Telemetry, users::Users,
    },
    services::{ruler::Ruler, tokenizer::Tokenizer},
};

#[derive(Clone)]
pub struct Backend {
    pub agents: Arc<Agents>,
    pub analytics: Arc<Analytics>,
    pub audit: Intake<AuditEvent>,
    pub authz: Arc<Authz>,
    pub licenses: Arc<Licenses>,
    pub ruler: Arc<Ruler>,
    pub store: Arc<Store>,
    pub telemetry: Arc<Telemetry>,
    pub tokenizer: Arc<dyn Tokenizer>,
    pub users: Arc<Users>,
}

pub fn routes(backend: Backend) -> Router {
    Router::new()
        .route("/api/v1/login", post(login))
        .route("/api/v1/events", post(add_event).get(count_events))
        .route("/api/v1/rules/{name}", put(save_rule).delete(delete_rule))
        .route("/api/v1/agents", get(agents).put(configure_agents))
        .route("/api/v1/license", get(license))
        .with_state(backend)
}

/// Why a call is refused.
enum Refusal {
    Status(StatusCode),
    Broken(BoxError),
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::Status(status) => status.into_response(),
            Self::Broken(error) => {
                let body = Json(json!({ "error": error.to_string() }));
                (StatusCode::SERVICE_UNAVAILABLE, body).into_response()
            }
        }
    }
}

impl<E: Into<BoxError>> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self::Broken(error.into())
    }
}

impl Backend {
    /// Whose call it is, if it may be made.
    async fn admit(&self, headers: &HeaderMap, action: &str) -> Result<String, Refusal> {
        let header = headers.get(AUTHORIZATION).and_then(|it| it.to_str().ok());
        let token = header.and_then(|it| it.strip_prefix("Bearer "));
        let token = token.ok_or(Refusal::Status(StatusCode::UNAUTHORIZED))?;
        let user = self.tokenizer.observe(token).await;
        let user = user.map_err(|_| Refusal::Status(StatusCode::UNAUTHORIZED))?;
        if !self.authz.may(&user, action)? {
            return Err(Refusal::Status(StatusCode::FORBIDDEN));
        }
        Ok(user)
    }

    /// What was done is in the audit log, or the caller hears that it is not.
    async fn record(&self, user: String, action: String) -> Result<(), Refusal> {
        self.telemetry.span(&action);
        self.analytics.track("call", &json!({ "action": action }));
        self.audit.send(AuditEvent { user, action }).await?;
        Ok(())
    }
}

#[derive(Deserialize)]
struct Login {
    key: String,
}

async fn login(
    State(backend): State<Backend>,
    Json(login): Json<Login>,
) -> Result<Json<Value>, Refusal> {
    let user = backend.users.sign_in(&login.key).await?;
    let user = user.ok_or(Refusal::Status(StatusCode::UNAUTHORIZED))?;
    let token = backend.tokenizer.issue(&user).await?;
    backend.record(user, "login".into()).await?;
    Ok(Json(json!({ "token": token })))
}

#[derive(Deserialize)]
struct NewEvent {
    name: String,
}

async fn add_event(
    State(backend): State<Backend>,
    headers: HeaderMap,
    Json(event): Json<NewEvent>,
) -> Result<StatusCode, Refusal> {
    let user = backend.admit(&headers, "write").await?;
    backend.store.add_event(event.name).await?;
    backend.record(user, "event".into()).await?;
    Ok(StatusCode::CREATED)
}

async fn count_events(
    State(backend): State<Backend>,
    headers: HeaderMap,
) -> Result<Json<Value>, Refusal> {
    backend.admit(&headers, "read").await?;
    Ok(Json(
        json!({ "events": backend.store.count("event").await? }),
    ))
}

async fn save_rule(
    State(backend): State<Backend>,
    Path(name): Path<String>,
    headers: HeaderMap,
    Json(mut rule): Json<Rule>,
) -> Result<StatusCode, Refusal> {
    let user = backend.admit(&headers, "manage").await?;
    let action = format!("save rule {name}");
    rule.name = name;
    backend.ruler.save(rule).await?;
    backend.record(user, action).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn delete_rule(
    State(backend): State<Backend>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, Refusal> {
    let user = backend.admit(&headers, "manage").await?;
    backend.ruler.delete(&name).await?;
    backend.record(user, format!("delete rule {name}")).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn agents(
    State(backend): State<Backend>,
    headers: HeaderMap,
) -> Result<Json<Value>, Refusal> {
    backend.admit(&headers, "read").await?;
    Ok(Json(json!(backend.agents.list())))
}

async fn configure_agents(
    State(backend): State<Backend>,
    headers: HeaderMap,
    configuration: String,
) -> Result<StatusCode, Refusal> {
    let user = backend.admit(&headers, "manage").await?;
    backend.agents.configure(&configuration);
    backend.record(user, "configure agents".into()).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn license(
    State(backend): State<Backend>,
    headers: HeaderMap,
) -> Result<Json<Value>, Refusal> {
    backend.admit(&headers, "read").await?;
    Ok(Json(json!({ "plan": backend.licenses.plan() })))
}
