//! `retry = "100ms..10s"` goes in; the first and the longest wait come out.

use std::time::Duration;

use proc_macro2::Span;
use quote::ToTokens;
use syn::{Expr, Lit, LitStr, Result};

use crate::errors::problem_at;
use crate::syntax::{NamedArgument, literal, ungrouped};
use crate::value::duration::parse_part;
use crate::words::RETRY;

pub(crate) const RETRY_EXAMPLE: &str = "retry = \"100ms..10s\"";

#[derive(Clone, Copy)]
pub(crate) struct WaitRange {
    pub(crate) from: Duration,
    pub(crate) up_to: Duration,
}

impl WaitRange {
    pub(crate) fn read(argument: &NamedArgument) -> Result<Self> {
        let value = argument.value(RETRY_EXAMPLE)?;
        if let Some(Lit::Str(text)) = literal(value) {
            return Self::parse(text);
        }
        let help = format!("write `{RETRY_EXAMPLE}`");
        let Expr::Range(range) = ungrouped(value) else {
            let sentence = "the value of `retry` is not a range of durations";
            return Err(problem_at(value, sentence, help));
        };
        let written = range.to_token_stream().to_string().replace(' ', "");
        let help = match Self::parse(&LitStr::new(&written, Span::call_site())) {
            Ok(_) => format!("write `{RETRY} = \"{written}\"`"),
            Err(_) => help,
        };
        let sentence = format_args!("the range `{written}` is not in quotes");
        Err(problem_at(value, sentence, help))
    }

    fn parse(text: &LitStr) -> Result<Self> {
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
                format_args!("write the first wait and the longest one, such as `{RETRY_EXAMPLE}`"),
            ));
        };
        let retry = Self {
            from: parse_part(text, from)?,
            up_to: parse_part(text, up_to)?,
        };
        retry.check(text, from, up_to)
    }

    fn check(self, text: &LitStr, from: &str, up_to: &str) -> Result<Self> {
        if self.from.is_zero() || self.up_to.is_zero() {
            return Err(problem_at(
                text,
                format_args!("the range `{from}..{up_to}` has a wait of zero in it"),
                format_args!("write durations above zero, such as `{RETRY_EXAMPLE}`"),
            ));
        }
        if self.from > self.up_to {
            return Err(problem_at(
                text,
                format_args!("the range `{from}..{up_to}` ends below its beginning"),
                format_args!("write `{RETRY} = \"{up_to}..{from}\"`"),
            ));
        }
        Ok(self)
    }
}
