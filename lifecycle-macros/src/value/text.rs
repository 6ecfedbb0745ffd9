//! The literal of an option that takes a text goes in; the problem with it comes out.

use lifecycle_rules::cron;
use quote::ToTokens;
use syn::{Error, Lit, LitStr, Result};

use crate::errors::problem_at;

use super::crontab;
use super::quantity::Quantity;

/// Checks a cron expression. `None` if the text is meant as a field path: one word that begins with
/// a letter, or has a dot in it.
pub(crate) fn check_cron(text: &LitStr) -> Option<Result<()>> {
    let written = text.value();
    let is_path = written.starts_with(|first: char| first.is_alphabetic() || first == '_')
        || written.contains('.');
    let is_one_word = !written.contains(char::is_whitespace);
    (!(is_path && is_one_word)).then(|| check_expression(text))
}

pub(crate) fn refuse_text(literal: &Lit, name: &str, quantity: Quantity) -> Error {
    let (noun, example) = (quantity.noun(), quantity.example());
    problem_at(
        literal,
        format_args!("`{}` is not a {noun}", literal.to_token_stream()),
        format_args!("write it in quotes, such as `{name} = {example}`"),
    )
}

fn check_expression(text: &LitStr) -> Result<()> {
    let written = text.value();
    let Err(problem) = cron::parse(&written) else {
        return Ok(());
    };
    let help = crontab::advise(&written).unwrap_or_else(|| problem.help());
    Err(problem_at(text, problem.sentence(&written), help))
}
