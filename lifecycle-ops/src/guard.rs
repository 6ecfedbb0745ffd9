//! Who may ask for what. A browser on the same machine counts as an attacker: a page from elsewhere may send it here.

use std::net::IpAddr;

use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap, HeaderName};
use http::request::Parts;
use http::uri::Authority;
use http::{HeaderValue, StatusCode};
use subtle::ConstantTimeEq;

use crate::answer::{self, Answer};

/// What the owner of the application has allowed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Access {
    /// The names beside those of the loopback interface that a request may be addressed to, in lower case.
    pub(crate) hosts: Vec<String>,
    pub(crate) control: bool,
    pub(crate) token: Option<Token>,
    /// Whether all who can reach this are on this machine.
    pub(crate) is_local: bool,
}

/// A shared secret. It shows neither in `Debug` nor by the time of a comparison.
#[derive(Clone)]
pub(crate) struct Token(pub(crate) String);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(..)")
    }
}

impl Token {
    fn is(&self, given: &[u8]) -> bool {
        // An empty one is none: everybody has it.
        !self.0.is_empty() && self.0.as_bytes().ct_eq(given).into()
    }
}

impl Access {
    /// A request that a rebound name, or another site's link, has sent here is not addressed to us.
    pub(crate) fn check_host(&self, parts: &Parts) -> Result<(), Answer> {
        let mut named = parts.headers.get_all(HOST).iter();
        let is_ours = match (named.next(), named.next()) {
            (Some(host), None) => host.to_str().is_ok_and(|host| self.is_our_host(host)),
            _ => false,
        };
        // A request to a proxy names its target in its first line.
        let target = parts.uri.authority().map(Authority::as_str);
        if is_ours && target.is_none_or(|target| self.is_our_host(target)) {
            return Ok(());
        }
        Err(answer::text(
            StatusCode::FORBIDDEN,
            "this host name is not allowed: list it with `.host(..)`",
        ))
    }

    fn is_our_host(&self, host: &str) -> bool {
        let Ok(authority) = host.parse::<Authority>() else {
            return false;
        };
        if host.contains('@') {
            return false;
        }
        let name = authority.host().to_ascii_lowercase();
        let bare = name.trim_start_matches('[').trim_end_matches(']');
        let is_loopback = name == "localhost"
            || bare
                .parse::<IpAddr>()
                .is_ok_and(|address| address.is_loopback());
        is_loopback || self.hosts.contains(&name)
    }

    /// Whether an order may be given at all, by anybody.
    pub(crate) fn takes_orders(&self) -> bool {
        self.control && (self.is_local || self.token.is_some())
    }

    pub(crate) fn check_order(&self, parts: &Parts) -> Result<(), Answer> {
        let forbidden = |why: &str| Err(answer::text(StatusCode::FORBIDDEN, why));
        if !self.control {
            return forbidden("control is off: switch it on with `.control()`");
        }
        if !self.takes_orders() {
            return forbidden(
                "control off the loopback interface needs a token: set it with `.token(..)`",
            );
        }
        if !is_same_site(&parts.headers) {
            return forbidden("another site has sent this");
        }
        if !is_json(&parts.headers) {
            return Err(answer::text(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "an order is sent with `Content-Type: application/json`",
            ));
        }
        self.check_token(&parts.headers)
    }

    fn check_token(&self, headers: &HeaderMap) -> Result<(), Answer> {
        let Some(token) = &self.token else {
            return Ok(());
        };
        let given = headers.get(AUTHORIZATION).map(HeaderValue::as_bytes);
        match given.and_then(bearer) {
            None => Err(answer::unauthorized(
                "an order needs `Authorization: Bearer <token>`",
            )),
            Some(given) if token.is(given) => Ok(()),
            Some(_) => Err(answer::unauthorized("wrong token")),
        }
    }
}

fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked(b"Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then_some(token)
}

/// Absent: not a browser, or one that sends no other site's JSON without asking first. We never allow it.
fn is_same_site(headers: &HeaderMap) -> bool {
    let mut sites = headers
        .get_all(HeaderName::from_static("sec-fetch-site"))
        .iter();
    sites.all(|site| matches!(site.as_bytes(), b"none" | b"same-origin"))
}

/// The one media type that a form of another site can't send.
fn is_json(headers: &HeaderMap) -> bool {
    let mut media = headers.get_all(CONTENT_TYPE).iter();
    let (Some(media), None) = (media.next(), media.next()) else {
        return false;
    };
    let essence = media
        .to_str()
        .ok()
        .and_then(|media| media.split(';').next());
    essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}
