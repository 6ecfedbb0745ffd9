//! The value of `interval = ..` goes in; what it means comes out: a duration, a field path or an expression.

use std::time::Duration;

use proc_macro2::Ident;
use syn::ext::IdentExt;
use syn::parse::Parser;
use syn::{Error, Expr, Lit, LitStr, Result};

use crate::diag::mistake;
use crate::duration::{Zero, literal, parse_literal, refuse_literal};

use super::args::INTERVAL;

pub(crate) enum Interval {
    /// `"30s"`
    Fixed { text: LitStr, length: Duration },
    /// `"cfg.gc.interval"`
    Field { text: LitStr, path: Vec<Ident> },
    /// `self.cfg.gc.interval()`
    Computed(Expr),
}

impl Interval {
    pub(crate) fn new(value: &Expr) -> Result<Self> {
        match literal(value) {
            Some(Lit::Str(text)) => Self::parse_quoted(text),
            Some(other) => Err(refuse_literal(other, INTERVAL)),
            None => Ok(Self::Computed(value.clone())),
        }
    }

    /// A digit begins a duration, a letter a path: no field has a name that begins with a digit.
    fn parse_quoted(text: &LitStr) -> Result<Self> {
        let written = text.value();
        let begins_path = written
            .trim_start()
            .starts_with(|first: char| first.is_alphabetic() || first == '_');
        if begins_path || is_tuple_path(&written) {
            let path = written
                .split('.')
                .map(|field| parse_field(text, &written, field));
            let path = path.collect::<Result<_>>()?;
            return Ok(Self::Field {
                text: text.clone(),
                path,
            });
        }
        let length = parse_literal(text, INTERVAL, Zero::Refused)?;
        Ok(Self::Fixed {
            text: text.clone(),
            length,
        })
    }
}

/// `0.interval`, but not `1.5h`.
fn is_tuple_path(written: &str) -> bool {
    let mut fields = written.split('.');
    fields.next().is_some_and(is_index)
        && fields
            .next_back()
            .is_some_and(|last| syn::parse_str::<Ident>(last).is_ok())
}

fn is_index(field: &str) -> bool {
    !field.is_empty() && field.chars().all(|digit| digit.is_ascii_digit())
}

fn parse_field(text: &LitStr, written: &str, field: &str) -> Result<Ident> {
    let whole = !field.contains(char::is_whitespace);
    match syn::parse_str(field) {
        Ok(ident) if whole => Ok(ident),
        _ => Err(refuse_path(text, written, field)),
    }
}

/// The caret is as wide as the literal, so the sentence has to say which part is meant.
fn refuse_path(text: &LitStr, written: &str, field: &str) -> Error {
    if let Some(rest) = written.strip_prefix("self.").filter(|_| field == "self") {
        return mistake(
            text,
            format_args!("the interval `{written}` begins with `self`"),
            format_args!("write `interval = \"{rest}\"`: a path in quotes begins there already"),
        );
    }
    if is_index(field) {
        return mistake(
            text,
            format_args!("the interval `{written}` goes through the tuple field `{field}`"),
            format_args!("write it without quotes: `interval = self.{written}`"),
        );
    }
    let is_keyword = Ident::parse_any.parse_str(field).is_ok();
    if is_keyword && field != "self" {
        let raw: Vec<_> = written
            .split('.')
            .map(|other| {
                if other == field {
                    format!("r#{field}")
                } else {
                    other.to_owned()
                }
            })
            .collect();
        return mistake(
            text,
            format_args!("the interval `{written}` goes through `{field}`, which is a keyword"),
            format_args!("write `interval = \"{}\"`", raw.join(".")),
        );
    }
    let sentence = format_args!("the interval `{written}` is neither a field path nor a duration");
    let help = "write a path such as `\"cfg.interval\"`, a duration such as `\"30s\"`, or an expression without quotes";
    mistake(text, sentence, help)
}
