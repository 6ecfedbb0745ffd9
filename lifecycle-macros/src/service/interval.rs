//! The value of `interval = ..` goes in; what it means comes out: a duration, a field path or an
//! expression.

use std::time::Duration;

use proc_macro2::Ident;
use syn::ext::IdentExt;
use syn::parse::Parser;
use syn::{Error, Expr, Lit, LitStr, Result};

use crate::diag::mistake;
use crate::duration::{Zero, literal, parse_literal, refuse_literal};
use crate::rules::suggest;

use super::args::INTERVAL;
use super::item::Type;

pub(crate) enum Interval {
    /// `"30s"`
    Fixed { text: LitStr, length: Duration },
    /// `"cfg.gc.interval"`
    Field { text: LitStr, path: Vec<Ident> },
    /// `self.cfg.gc.interval()`
    Computed(Expr),
}

impl Interval {
    pub(crate) fn new(value: &Expr, declared: Option<&Type>) -> Result<Self> {
        match literal(value) {
            Some(Lit::Str(text)) => Self::parse_quoted(text, declared),
            Some(other) => Err(refuse_literal(other, INTERVAL)),
            None => {
                check_base(value, declared)?;
                Ok(Self::Computed(value.clone()))
            }
        }
    }

    /// A digit begins a duration, a letter a path: no field has a name that begins with a digit.
    fn parse_quoted(text: &LitStr, declared: Option<&Type>) -> Result<Self> {
        let written = text.value();
        let begins_path = written.starts_with(|first: char| first.is_alphabetic() || first == '_');
        if !begins_path && !is_tuple_path(&written) {
            let length = parse_literal(text, INTERVAL, Zero::Refused)?;
            return Ok(Self::Fixed {
                text: text.clone(),
                length,
            });
        }
        let fields = written
            .split('.')
            .map(|field| parse_field(text, &written, field));
        let path = fields.collect::<Result<Vec<_>>>()?;
        if let (Some(first), Some(declared)) = (path.first(), declared) {
            check_field(text, first, declared)?;
        }
        Ok(Self::Field {
            text: text.clone(),
            path,
        })
    }
}

/// What an expression begins with that can't be meant: rustc would speak of a macro, if the field
/// is called `cfg`, or of a string.
fn check_base(value: &Expr, declared: Option<&Type>) -> Result<()> {
    match value {
        Expr::Field(field) => check_base(&field.base, declared),
        Expr::MethodCall(call) => check_base(&call.receiver, declared),
        Expr::Path(path) => match declared.and_then(|declared| declared.find_field(&path.path)) {
            Some(field) => Err(mistake(
                path,
                format_args!("the field `{field}` is not in scope without `self`"),
                format_args!("write `self.{field}`"),
            )),
            None => Ok(()),
        },
        // What rustc advises where a path in quotes ends in the name of a method.
        Expr::Call(call) => match literal(&call.func) {
            Some(Lit::Str(text)) => Err(mistake(
                text,
                "a method is called without quotes",
                format_args!("write `interval = self.{}()`", text.value().escape_debug()),
            )),
            _ => Ok(()),
        },
        _ => Ok(()),
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
    match syn::parse_str(field) {
        Ok(ident) if !field.contains(char::is_whitespace) => Ok(ident),
        _ => Err(refuse_path(text, written, field)),
    }
}

/// The caret is as wide as the literal, so the sentence has to say what in it is wrong.
fn refuse_path(text: &LitStr, written: &str, field: &str) -> Error {
    let (sentence, help) = if let Some(rest) = written.strip_prefix("self.") {
        (
            format!("the interval `{written}` begins with `self`"),
            format!("write `interval = \"{rest}\"`: a path in quotes begins there already"),
        )
    } else if is_index(field) {
        (
            format!("the interval `{written}` goes through the tuple field `{field}`"),
            format!("write it without quotes: `interval = self.{written}`"),
        )
    } else if Ident::parse_any.parse_str(field).is_ok() {
        let raw = written.split('.').map(|other| {
            let prefix = if other == field { "r#" } else { "" };
            format!("{prefix}{other}")
        });
        (
            format!("the interval `{written}` goes through `{field}`, which is a keyword"),
            format!(
                "write `interval = \"{}\"`",
                raw.collect::<Vec<_>>().join(".")
            ),
        )
    } else {
        let help = match syn::parse_str(written) {
            Ok(Expr::MethodCall(_) | Expr::Index(_)) => {
                format!("write it without quotes: `interval = self.{written}`")
            }
            Ok(Expr::Call(_) | Expr::Path(_)) => {
                format!("write it without quotes: `interval = {written}`")
            }
            _ => "write a path such as `\"cfg.interval\"`, or a duration such as `\"30s\"`".into(),
        };
        let written = written.escape_debug();
        (
            format!("the interval `{written}` is neither a field path nor a duration"),
            help,
        )
    };
    mistake(text, sentence, help)
}

/// Only of the struct itself are the fields known; it is all that rustc could give bad advice
/// about.
fn check_field(text: &LitStr, field: &Ident, declared: &Type) -> Result<()> {
    let Some(fields) = &declared.fields else {
        return Ok(());
    };
    if fields.contains(field) {
        return Ok(());
    }
    let known: Vec<String> = fields.iter().map(Ident::to_string).collect();
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    let help = suggest::instead(&field.to_string(), &known).unwrap_or_else(|| {
        format!("write a duration, or call a method without quotes: `self.{field}()`")
    });
    let sentence = format_args!("`{}` has no field `{field}`", declared.ident);
    Err(mistake(text, sentence, help))
}
