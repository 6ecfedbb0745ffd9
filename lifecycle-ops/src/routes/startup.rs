//! How the application came up: the critical chain as text, or all times as JSON.

use http::StatusCode;
use http::header::ACCEPT;
use http::request::Parts;
use lifecycle::Handle;

use crate::answer::{self, Answer};

pub(super) fn answer(handle: &Handle, parts: &Parts) -> Answer {
    let startup = handle.startup();
    let mut accepted = parts.headers.get_all(ACCEPT).iter();
    let wants_json = |value: &http::HeaderValue| {
        let value = value.to_str().unwrap_or_default();
        value.trim_start().starts_with("application/json")
    };
    if accepted.any(wants_json) {
        answer::json(StatusCode::OK, &startup)
    } else {
        answer::text(StatusCode::OK, startup.to_string())
    }
}
