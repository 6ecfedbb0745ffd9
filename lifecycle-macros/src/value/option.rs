//! The value of an option such as `interval = ..` goes in; what it means comes out: a literal, a
//! field path or an expression.

use std::time::Duration;

use proc_macro2::Ident;
use quote::ToTokens;
use syn::{Expr, Lit, LitStr, Result};

use crate::errors::problem_at;
use crate::syntax::{NamedArgument, literal, tidy};
use crate::value::duration::{Zero, parse_literal, refuse_literal};
use crate::words::{FIRST, INITIAL_DELAY};

use super::count::parse_count;
use super::fields::Fields;
use super::path::Quoted;
use super::quantity::Quantity;
use super::text::{check_cron, refuse_text};
use super::zone::check_zone;

/// An option that the service is asked for when it is needed.
pub(crate) struct OptionValue {
    /// Span for the type annotation.
    pub(crate) key: Ident,
    pub(crate) quantity: Quantity,
    pub(crate) source: Source,
}

pub(crate) enum Source {
    /// `"30s"`
    Length { text: LitStr, length: Duration },
    /// `100`
    Count(u32),
    /// `"0 3 * * *"`, `"Europe/Berlin"`
    Text(LitStr),
    /// `"cfg.gc.interval"`
    Field { text: LitStr, path: Vec<Ident> },
    /// `self.cfg.gc.interval()`
    Computed(Expr),
}

impl OptionValue {
    pub(crate) fn read(
        argument: &NamedArgument,
        quantity: Quantity,
        fields: Option<&Fields>,
    ) -> Result<Self> {
        let name = argument.key.to_string();
        let value = argument.value(&format!("{name} = {}", quantity.example()))?;
        let source = match literal(value) {
            Some(Lit::Str(text)) => read_quoted(text, &name, quantity, fields),
            Some(other) => match quantity {
                Quantity::Duration => Err(refuse_literal(other, &name)),
                Quantity::Count => parse_count(value, &name, Quantity::COUNT).map(Source::Count),
                Quantity::Cron | Quantity::Zone => Err(refuse_text(other, &name, quantity)),
            },
            None => check_base(value, &name, fields).map(|()| Source::Computed(value.clone())),
        };
        Ok(Self {
            key: argument.key.clone(),
            quantity,
            source: source?,
        })
    }

    pub(crate) fn literal(&self) -> Option<(&LitStr, Duration)> {
        match &self.source {
            Source::Length { text, length } => Some((text, *length)),
            _ => None,
        }
    }

    /// The value as it is written in the attribute, for messages at run time.
    pub(crate) fn written(&self) -> LitStr {
        match &self.source {
            Source::Length { text, .. } | Source::Field { text, .. } | Source::Text(text) => {
                text.clone()
            }
            Source::Count(count) => LitStr::new(&count.to_string(), self.key.span()),
            Source::Computed(value) => {
                let text = value.to_token_stream().to_string();
                LitStr::new(&tidy(&text), self.key.span())
            }
        }
    }
}

/// Tells literals from field paths. A field's name never begins with a digit, so a digit begins a
/// duration or a number. A cron expression has spaces in it, and the name of a zone begins with a
/// capital letter, but for `local` and offsets.
fn read_quoted(
    text: &LitStr,
    name: &str,
    quantity: Quantity,
    fields: Option<&Fields>,
) -> Result<Source> {
    let quoted = Quoted::new(text, name, quantity, fields);
    let check = match quantity {
        Quantity::Cron => check_cron(text),
        Quantity::Zone => check_zone(text, fields),
        Quantity::Duration | Quantity::Count => None,
    };
    if let Some(checked) = check {
        return checked.map(|()| Source::Text(text.clone()));
    }
    if quoted.begins_path() {
        return Ok(Source::Field {
            text: text.clone(),
            path: quoted.parse_path()?,
        });
    }
    if quantity != Quantity::Duration || text.value().starts_with(['&', '*', '(', '{', '@']) {
        return Err(quoted.refuse());
    }
    let zero = if name == INITIAL_DELAY {
        Zero::Allowed
    } else {
        Zero::Refused
    };
    let length = parse_literal(text, name, zero)?;
    if length.is_zero() {
        let sentence = format_args!("`{INITIAL_DELAY}` is zero");
        return Err(problem_at(
            text,
            sentence,
            format_args!("write `{FIRST} = immediate` instead"),
        ));
    }
    Ok(Source::Length {
        text: text.clone(),
        length,
    })
}

/// Refuses an expression that begins with a field without `self`, or with a text that is called.
/// rustc's own words would mislead: for a field named `cfg` it speaks of a macro.
fn check_base(value: &Expr, name: &str, fields: Option<&Fields>) -> Result<()> {
    match value {
        Expr::Group(group) => check_base(&group.expr, name, fields),
        Expr::Field(field) => check_base(&field.base, name, fields),
        Expr::MethodCall(call) => check_base(&call.receiver, name, fields),
        Expr::Path(path) => match fields.and_then(|fields| fields.find(&path.path)) {
            Some(field) => Err(problem_at(
                path,
                format_args!("the field `{field}` is not in scope without `self`"),
                format_args!("write `self.{field}`"),
            )),
            None => Ok(()),
        },
        Expr::Call(call) => match literal(&call.func) {
            Some(Lit::Str(text)) => {
                let written = text.value();
                let path = written.strip_prefix("self.").unwrap_or(&written);
                let help = format_args!("write `{name} = self.{}()`", path.escape_debug());
                Err(problem_at(text, "a method is called without quotes", help))
            }
            _ => Ok(()),
        },
        _ => Ok(()),
    }
}
