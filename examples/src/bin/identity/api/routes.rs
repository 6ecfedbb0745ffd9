//! The routes, from request to answer.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{FromRequestParts, Request, State},
    http::{StatusCode, header::AUTHORIZATION, request::Parts},
    middleware::{self, Next},
    response::Response,
    routing::{get, post},
};
use lifecycle::Handle;
use opentelemetry::{
    KeyValue, global,
    trace::{Span, SpanKind, Tracer},
};
use serde::Deserialize;

use super::refusal::Refusal;
use crate::{
    store::Session,
    tokenizer::{Issued, Observed, Tokenizer},
    users::Users,
};

/// What the handlers call: providers only, the registry knows how they live.
#[derive(Clone)]
pub struct App {
    pub users: Arc<Users>,
    pub tokenizer: Arc<dyn Tokenizer>,
}

pub fn router(app: App, application: Handle) -> Router {
    Router::new()
        .route("/login", post(login))
        .route("/whoami", get(whoami))
        .route("/logout", post(logout))
        .route("/sessions", get(sessions))
        .layer(middleware::from_fn(trace))
        .route("/livez", get(StatusCode::OK))
        .route("/readyz", get(async move || ready(&application)))
        .with_state(app)
}

/// Not ready from the first request to stop on, whatever still answers.
fn ready(application: &Handle) -> StatusCode {
    if application.is_healthy() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    }
}

#[derive(Deserialize)]
struct Login {
    name: String,
    password: String,
}

async fn login(State(app): State<App>, Json(login): Json<Login>) -> Result<Json<Issued>, Refusal> {
    if !app.users.verify(&login.name, login.password).await? {
        return Err(Refusal::WrongPassword);
    }
    Ok(Json(app.tokenizer.issue(&login.name).await?))
}

async fn whoami(State(app): State<App>, Bearer(token): Bearer) -> Result<Json<Observed>, Refusal> {
    Ok(Json(app.tokenizer.observe(&token).await?))
}

async fn logout(State(app): State<App>, Bearer(token): Bearer) -> Result<StatusCode, Refusal> {
    app.tokenizer.revoke(&token).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn sessions(
    State(app): State<App>,
    Bearer(token): Bearer,
) -> Result<Json<Vec<Session>>, Refusal> {
    let Observed { user, .. } = app.tokenizer.observe(&token).await?;
    Ok(Json(app.tokenizer.sessions(&user).await?))
}

/// The token of the request's `authorization` header.
struct Bearer(String);

impl<S: Sync> FromRequestParts<S> for Bearer {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        let header = parts
            .headers
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok());
        let token = header.and_then(|header| header.strip_prefix("Bearer "));
        Ok(Self(token.ok_or(Refusal::NoToken)?.to_owned()))
    }
}

/// One span a request.
async fn trace(request: Request, next: Next) -> Response {
    let tracer = global::tracer("identity");
    let name = format!("{} {}", request.method(), request.uri().path());
    let mut span = tracer
        .span_builder(name)
        .with_kind(SpanKind::Server)
        .start(&tracer);
    let response = next.run(request).await;
    span.set_attribute(KeyValue::new(
        "http.response.status_code",
        i64::from(response.status().as_u16()),
    ));
    span.end();
    response
}
