//! `retry = "100ms..10s"` or `backoff = "100ms..30s"` goes in; the first and the longest wait come out.

use std::time::Duration;

use proc_macro2::Span;
use quote::ToTokens;
use syn::{Expr, Lit, LitStr, Result};

use crate::errors::problem_at;
use crate::syntax::{NamedArgument, literal, ungrouped};
use crate::value::duration::parse_part;
use crate::words::BACKOFF;

pub(crate) const RETRY_EXAMPLE: &str = "retry = \"100ms..10s\"";

#[derive(Clone, Copy)]
pub(crate) struct WaitRange {
    pub(crate) from: Duration,
    pub(crate) up_to: Duration,
}

impl WaitRange {
    pub(crate) fn read(argument: &NamedArgument) -> Result<Self> {
        let name = argument.key.to_string();
        let example = example(&name);
        let value = argument.value(&example)?;
        if let Some(Lit::Str(text)) = literal(value) {
            return Self::parse(text, &name);
        }
        let help = format!("write `{example}`");
        let Expr::Range(range) = ungrouped(value) else {
            let sentence = format_args!("the value of `{name}` is not a range of durations");
            return Err(problem_at(value, sentence, help));
        };
        let written = range.to_token_stream().to_string().replace(' ', "");
        let help = match Self::parse(&LitStr::new(&written, Span::call_site()), &name) {
            Ok(_) => format!("write `{name} = \"{written}\"`"),
            Err(_) => help,
        };
        let sentence = format_args!("the range `{written}` is not in quotes");
        Err(problem_at(value, sentence, help))
    }

    fn parse(text: &LitStr, name: &str) -> Result<Self> {
        let written = text.value();
        let ends = written.split_once("..").map(|(from, up_to)| {
            let [from, up_to] = [from, up_to].map(str::trim);
            (from, up_to)
        });
        let Some((from, up_to)) =
            ends.filter(|(from, up_to)| !from.is_empty() && !up_to.is_empty())
        else {
            return Err(problem_at(
                text,
                format_args!("`{}` is not a range of durations", written.escape_debug()),
                format_args!(
                    "write the first wait and the longest one, such as `{}`",
                    example(name)
                ),
            ));
        };
        let retry = Self {
            from: parse_part(text, from)?,
            up_to: parse_part(text, up_to)?,
        };
        retry.check(text, name, from, up_to)
    }

    fn check(self, text: &LitStr, name: &str, from: &str, up_to: &str) -> Result<Self> {
        if self.from.is_zero() || self.up_to.is_zero() {
            return Err(problem_at(
                text,
                format_args!("the range `{from}..{up_to}` has a wait of zero in it"),
                format_args!("write durations above zero, such as `{}`", example(name)),
            ));
        }
        if self.from > self.up_to {
            return Err(problem_at(
                text,
                format_args!("the range `{from}..{up_to}` ends below its beginning"),
                format_args!("write `{name} = \"{up_to}..{from}\"`"),
            ));
        }
        Ok(self)
    }
}

/// The option as it should be written.
fn example(name: &str) -> String {
    match name {
        BACKOFF => format!("{BACKOFF} = \"100ms..30s\""),
        _ => RETRY_EXAMPLE.to_owned(),
    }
}
