//! What a client is told when a request can't be granted.

use std::error::Error;

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::json;
use tracing::error;

use crate::{tokenizer::TokenError, users::UserError};

pub enum Refusal {
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

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, why) = match self {
            Self::NoToken => (
                StatusCode::UNAUTHORIZED,
                "send `authorization: Bearer TOKEN`".to_owned(),
            ),
            Self::WrongPassword => (
                StatusCode::UNAUTHORIZED,
                "no such user, or not the password".to_owned(),
            ),
            Self::Token(error @ TokenError::Invalid) => {
                (StatusCode::UNAUTHORIZED, error.to_string())
            }
            Self::Token(error @ TokenError::Stopped(_)) => {
                (StatusCode::SERVICE_UNAVAILABLE, error.to_string())
            }
            Self::Token(error) => internal(&error),
            Self::User(error) => internal(&error),
        };
        (status, Json(json!({ "error": why }))).into_response()
    }
}

/// The log gets the cause; the client gets no look inside.
fn internal(error: &(dyn Error + 'static)) -> (StatusCode, String) {
    error!(error, "request failed");
    (
        StatusCode::INTERNAL_SERVER_ERROR,
        "the server can't answer now".to_owned(),
    )
}
