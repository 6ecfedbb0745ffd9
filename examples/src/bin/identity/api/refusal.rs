//! What a client is told when a request can't be granted.

use std::error::Error;

use axum::{
    Json,
    extract::rejection::{BytesRejection, JsonRejection},
    http::{StatusCode, header::RETRY_AFTER},
    response::{IntoResponse, Response},
};
use serde_json::json;
use tracing::{error, warn};

use crate::{password::PasswordError, tokenizer::TokenError, users::UserError};

pub enum Refusal {
    NoSuchRoute,
    NoSuchMethod,
    /// Too long, cut short, or not what the route takes.
    Request(StatusCode, String),
    SlowBody,
    Busy,
    NoToken,
    WrongPassword,
    Token(TokenError),
    User(UserError),
}

impl From<TokenError> for Refusal {
    fn from(error: TokenError) -> Self {
        Self::Token(error)
    }
}

impl From<UserError> for Refusal {
    fn from(error: UserError) -> Self {
        Self::User(error)
    }
}

impl From<BytesRejection> for Refusal {
    fn from(rejection: BytesRejection) -> Self {
        Self::Request(rejection.status(), rejection.body_text())
    }
}

impl From<JsonRejection> for Refusal {
    fn from(rejection: JsonRejection) -> Self {
        Self::Request(rejection.status(), rejection.body_text())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, why) = self.answer();
        let body = Json(json!({ "error": why }));
        if status == StatusCode::SERVICE_UNAVAILABLE {
            // All that can be said: what makes it busy is over in a moment.
            (status, [(RETRY_AFTER, "1")], body).into_response()
        } else {
            (status, body).into_response()
        }
    }
}

impl Refusal {
    fn answer(self) -> (StatusCode, String) {
        match self {
            Self::NoSuchRoute => (StatusCode::NOT_FOUND, "there is nothing here".to_owned()),
            Self::NoSuchMethod => (
                StatusCode::METHOD_NOT_ALLOWED,
                "not with this method".to_owned(),
            ),
            Self::Request(status, why) => (status, why),
            Self::SlowBody => (
                StatusCode::REQUEST_TIMEOUT,
                "the body took too long to arrive".to_owned(),
            ),
            Self::Busy | Self::User(UserError::Password(PasswordError::Busy)) => busy(),
            Self::NoToken => (
                StatusCode::UNAUTHORIZED,
                "send `authorization: Bearer TOKEN`".to_owned(),
            ),
            Self::WrongPassword => (
                StatusCode::UNAUTHORIZED,
                "no such user, or not the password".to_owned(),
            ),
            Self::Token(error @ (TokenError::Invalid | TokenError::PasswordChanged)) => {
                (StatusCode::UNAUTHORIZED, error.to_string())
            }
            Self::Token(error @ TokenError::Stopped(_)) => {
                (StatusCode::SERVICE_UNAVAILABLE, error.to_string())
            }
            Self::Token(TokenError::Store(error)) | Self::User(UserError::Store(error))
                if error.is_busy() =>
            {
                warn!(%error, "request refused");
                busy()
            }
            Self::Token(error) => internal(&error),
            Self::User(error) => internal(&error),
        }
    }
}

fn busy() -> (StatusCode, String) {
    (
        StatusCode::SERVICE_UNAVAILABLE,
        "too much to do at the moment".to_owned(),
    )
}

/// The log gets the cause; the client gets no look inside.
fn internal(error: &(dyn Error + 'static)) -> (StatusCode, String) {
    error!(error, "request failed");
    (
        StatusCode::INTERNAL_SERVER_ERROR,
        "the server can't answer now".to_owned(),
    )
}
