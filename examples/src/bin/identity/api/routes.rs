//! The routes, from request to answer.

use std::{sync::Arc, time::Duration};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, FromRequest, FromRequestParts, MatchedPath, Request, State},
    http::{Method, StatusCode, header::AUTHORIZATION, request::Parts},
    middleware::{self, Next},
    response::Response,
    routing::{get, post},
};
use lifecycle::Handle;
use opentelemetry::{
    KeyValue, global,
    trace::{Span, SpanKind, Tracer},
};
use serde::{Deserialize, de::DeserializeOwned};
use tokio::{sync::Semaphore, time::timeout};

use super::{activity::Activity, refusal::Refusal};
use crate::{
    config,
    store::Session,
    tokenizer::{Issued, Observed, Tokenizer},
    users::Users,
};

/// How many bytes the body of a request can have: a name and a password.
const BODY: usize = 16 * 1024;

/// What the handlers call: providers only, the registry knows how they live.
#[derive(Clone)]
pub struct App {
    pub users: Arc<Users>,
    pub tokenizer: Arc<dyn Tokenizer>,
}

pub fn router(app: App, cfg: &config::Api, application: Handle) -> Router {
    let limits = Limits {
        requests: Arc::new(Semaphore::new(cfg.requests.get())),
        body: cfg.body_timeout,
    };
    Router::new()
        .route("/login", post(login))
        .route("/whoami", get(whoami))
        .route("/logout", post(logout))
        .route("/sessions", get(sessions))
        .method_not_allowed_fallback(async || Refusal::NoSuchMethod)
        .fallback(async || Refusal::NoSuchRoute)
        .layer(middleware::from_fn_with_state(limits, admit))
        .layer(DefaultBodyLimit::max(BODY))
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

async fn login(
    State(app): State<App>,
    Body(Login { name, password }): Body<Login>,
) -> Result<Json<Issued>, Refusal> {
    let verified = app.users.verify(name, password).await?;
    let user = verified.ok_or(Refusal::WrongPassword)?;
    Ok(Json(app.tokenizer.issue(user).await?))
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
        // The scheme is written in any case, the token is not.
        let token = header
            .and_then(|header| header.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token.trim());
        Ok(Self(token.ok_or(Refusal::NoToken)?.to_owned()))
    }
}

/// The JSON of the request's body; what is wrong with it is told as everything is told to clients.
struct Body<T>(T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let Json(body) = Json::from_request(request, state).await?;
        Ok(Self(body))
    }
}

#[derive(Clone)]
struct Limits {
    requests: Arc<Semaphore>,
    body: Duration,
}

/// Lets a request in once all of it has arrived, if not too many are being answered.
async fn admit(
    State(limits): State<Limits>,
    request: Request,
    next: Next,
) -> Result<Response, Refusal> {
    let (parts, body) = request.into_parts();
    let request = Request::from_parts(parts.clone(), body);
    let body = timeout(limits.body, Bytes::from_request(request, &()))
        .await
        .map_err(|_| Refusal::SlowBody)??;

    let activity = parts.extensions.get::<Arc<Activity>>().cloned();
    let _answering = activity.map(Activity::answering);
    let _permit = limits.requests.try_acquire().map_err(|_| Refusal::Busy)?;
    Ok(next.run(Request::from_parts(parts, body.into())).await)
}

/// One span a request, named by its route and not by what the client wrote: the names are as few as the routes.
async fn trace(request: Request, next: Next) -> Response {
    let name = match request.extensions().get::<MatchedPath>() {
        Some(route) => format!("{} {}", method(request.method()), route.as_str()),
        None => "unmatched".to_owned(),
    };
    let tracer = global::tracer("identity");
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

/// A client can make up methods, too.
fn method(method: &Method) -> &str {
    match *method {
        Method::GET | Method::HEAD | Method::POST => method.as_str(),
        _ => "OTHER",
    }
}
