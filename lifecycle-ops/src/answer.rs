//! Answers, and the headers that all of them carry.

use bytes::Bytes;
use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue,
    REFERRER_POLICY, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{Response, StatusCode};
use serde::Serialize;

use crate::body::Body;

pub(crate) type Answer = Response<Body>;

const TEXT: &str = "text/plain; charset=utf-8";

/// Nothing may be loaded, and nothing may show it in a frame.
const NOTHING: &str =
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What the page needs from itself: its style sheet, its script, and what the script asks for.
const PAGE: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// A picture has its colours in itself, so that it can be saved. It runs and loads nothing.
const PICTURE: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";

fn answer(status: StatusCode, media: &'static str, policy: &'static str, body: Body) -> Answer {
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    let same_origin = HeaderName::from_static("cross-origin-resource-policy");
    for (name, value) in [
        (CONTENT_TYPE, media),
        (CACHE_CONTROL, "no-store"),
        (CONTENT_SECURITY_POLICY, policy),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
        (same_origin, "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    answer
}

/// One line, or several, of plain text.
pub(crate) fn text(status: StatusCode, text: impl Into<String>) -> Answer {
    let mut text = text.into();
    if !text.ends_with('\n') {
        text.push('\n');
    }
    answer(status, TEXT, NOTHING, Body::whole(text))
}

pub(crate) fn media(media: &'static str, text: impl Into<Bytes>) -> Answer {
    answer(StatusCode::OK, media, NOTHING, Body::whole(text))
}

pub(crate) fn page(html: String) -> Answer {
    answer(
        StatusCode::OK,
        "text/html; charset=utf-8",
        PAGE,
        Body::whole(html),
    )
}

pub(crate) fn picture(svg: String) -> Answer {
    answer(StatusCode::OK, "image/svg+xml", PICTURE, Body::whole(svg))
}

pub(crate) fn events(body: Body) -> Answer {
    let mut answer = answer(StatusCode::OK, "text/event-stream", NOTHING, body);
    // For proxies that would hold the events back.
    let name = HeaderName::from_static("x-accel-buffering");
    answer
        .headers_mut()
        .insert(name, HeaderValue::from_static("no"));
    answer
}

pub(crate) fn json(status: StatusCode, value: &impl Serialize) -> Answer {
    match serde_json::to_vec(value) {
        Ok(mut json) => {
            json.push(b'\n');
            answer(status, "application/json", NOTHING, Body::whole(json))
        }
        Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    }
}

pub(crate) fn not_found() -> Answer {
    text(StatusCode::NOT_FOUND, "not found")
}

pub(crate) fn no_service(name: &str) -> Answer {
    text(
        StatusCode::NOT_FOUND,
        format!("no service `{}`", name.escape_debug()),
    )
}

pub(crate) fn wrong_method(allowed: &'static str) -> Answer {
    let mut answer = text(
        StatusCode::METHOD_NOT_ALLOWED,
        format!("only {allowed} is allowed here"),
    );
    answer
        .headers_mut()
        .insert(ALLOW, HeaderValue::from_static(allowed));
    answer
}

pub(crate) fn unauthorized(why: &'static str) -> Answer {
    let mut answer = text(StatusCode::UNAUTHORIZED, why);
    answer
        .headers_mut()
        .insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    answer
}
