//! What is read of a request: its path and its query, decoded.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// The decoded form of one part of a path or a query; `None` if it is no text.
pub(crate) fn decoded(part: &str) -> Option<Cow<'_, str>> {
    percent_decode_str(part).decode_utf8().ok()
}

/// The pairs of a query, in their order. What is no text is left out.
pub(crate) fn query(query: Option<&str>) -> impl Iterator<Item = (String, String)> {
    let pairs = query.unwrap_or_default().split('&');
    pairs.filter_map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let plain = |part: &str| decoded(&part.replace('+', " ")).map(Cow::into_owned);
        Some((plain(key)?, plain(value)?))
    })
}
