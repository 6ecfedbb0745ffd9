//! The value of an argument that takes a duration goes in; the duration comes out if the value is a
//! literal, and otherwise the expression, for rustc to check.

use std::time::Duration;

use lifecycle_rules::duration::{self, DurationProblem};
use proc_macro2::{Literal, Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::{Error, Expr, Ident, Lit, LitStr, Result};

use crate::bounds;
use crate::errors::problem_at;
use crate::syntax::literal;
use crate::value::notation;

pub(crate) enum DurationValue {
    Literal(LitStr, Duration),
    Expr(Expr),
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Zero {
    Allowed,
    Refused,
}

/// Refuses every literal but a text. An expression may be a duration: rustc checks its type.
pub(crate) fn parse_length(value: &Expr, name: &str, zero: Zero) -> Result<DurationValue> {
    match literal(value) {
        Some(Lit::Str(text)) => parse_literal(text, name, zero)
            .map(|length| DurationValue::Literal(text.clone(), length)),
        Some(other) => Err(refuse_literal(other, name)),
        None => Ok(DurationValue::Expr(value.clone())),
    }
}

pub(crate) fn parse_literal(literal: &LitStr, name: &str, zero: Zero) -> Result<Duration> {
    if let Some(error) = refuse_code(literal, name) {
        return Err(error);
    }
    let length = parse_part(literal, &literal.value())?;
    if length.is_zero() && zero == Zero::Refused {
        return Err(problem_at(
            literal,
            format_args!("`{name}` is zero"),
            format_args!("write a duration above zero, such as `{name} = \"10s\"`"),
        ));
    }
    Ok(length)
}

/// Refuses a variable, a constant or a call in quotes. A lone word may also be an attempt at a
/// duration.
fn refuse_code(literal: &LitStr, name: &str) -> Option<Error> {
    let text = literal.value();
    let text = text.trim();
    let begins_code = text.starts_with(|first: char| first.is_alphabetic() || first == '_');
    if !begins_code || notation::duration(text).is_some() {
        return None;
    }
    let is_word = syn::parse_str::<Ident>(text).is_ok();
    let is_code = is_word || text.contains(['.', ':', '(']) && bounds::parse(text).is_some();
    let help = if is_word {
        format!(
            "write a duration such as `\"30s\"`, or a variable without quotes: `{name} = {text}`"
        )
    } else {
        format!("write it without quotes: `{name} = {text}`")
    };
    is_code.then(|| problem_at(literal, format_args!("`{text}` is not a duration"), help))
}

/// Reads the text of a literal, or one of the durations in it.
pub(crate) fn parse_part(literal: &LitStr, text: &str) -> Result<Duration> {
    duration::parse(text).map_err(|problem| {
        let help = match notation::duration(text) {
            Some(here) => format!("write `{here}`"),
            None => problem.help(),
        };
        let text = text.escape_debug();
        let named = match problem {
            DurationProblem::Empty => "the duration".to_owned(),
            DurationProblem::Malformed => format!("`{text}`"),
            _ => format!("the duration `{text}`"),
        };
        problem_at(literal, format_args!("{named} {problem}"), help)
    })
}

/// Refuses a literal that is no text. For `30` and `30s` the help writes them as durations.
pub(crate) fn refuse_literal(literal: &Lit, name: &str) -> Error {
    let written = literal.to_token_stream().to_string();
    match literal {
        Lit::Int(_) | Lit::Float(_) if literal.suffix().is_empty() => problem_at(
            literal,
            format_args!("the duration `{written}` has no unit"),
            format_args!("write `{name} = \"{written}s\"` for seconds"),
        ),
        Lit::Int(_) | Lit::Float(_) => problem_at(
            literal,
            format_args!("the duration `{written}` is not in quotes"),
            format_args!("write `{name} = \"{written}\"`"),
        ),
        _ => problem_at(
            literal,
            format_args!("`{written}` is not a duration"),
            format_args!("write a number and a unit in quotes, such as `{name} = \"30s\"`"),
        ),
    }
}

pub(crate) fn expand_literal(length: Duration) -> TokenStream {
    let seconds = Literal::u64_unsuffixed(length.as_secs());
    let nanos = Literal::u32_unsuffixed(length.subsec_nanos());
    quote_spanned!(Span::mixed_site()=> ::core::time::Duration::new(#seconds, #nanos))
}

impl ToTokens for DurationValue {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        match self {
            Self::Literal(_, length) => expand_literal(*length).to_tokens(tokens),
            Self::Expr(expr) => expr.to_tokens(tokens),
        }
    }
}
