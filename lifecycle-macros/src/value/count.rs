//! A value where a positive integer goes in; the number comes out.

use proc_macro2::Literal;
use syn::{Expr, Lit, LitInt, Result};

use crate::errors::problem_at;
use crate::syntax::{NamedArgument, literal};

/// Reads an option that takes only a literal.
pub(crate) fn read_count(argument: &NamedArgument, example: u32) -> Result<u32> {
    let name = argument.key.to_string();
    let value = argument.value(&format!("{name} = {example}"))?;
    parse_count(value, &name, example)
}

pub(crate) fn parse_count(value: &Expr, name: &str, example: u32) -> Result<u32> {
    let number = match literal(value) {
        Some(Lit::Int(number)) if ["", "u32", "usize"].contains(&number.suffix()) => number,
        Some(Lit::Str(text)) if text.value().parse::<u32>().is_ok_and(|count| count > 0) => {
            let written = text.value();
            return Err(problem_at(
                text,
                format_args!("the number `{written}` is in quotes"),
                format_args!("write `{name} = {written}`"),
            ));
        }
        _ => {
            return Err(problem_at(
                value,
                format_args!("the value of `{name}` is not an integer literal"),
                format_args!("write a number above zero, such as `{name} = {example}`"),
            ));
        }
    };
    check_range(number, name, example)
}

fn check_range(number: &LitInt, name: &str, example: u32) -> Result<u32> {
    match number.base10_parse() {
        Ok(0) => Err(problem_at(
            number,
            format_args!("`{name}` is zero"),
            format_args!("write a number above zero, such as `{name} = {example}`"),
        )),
        Ok(count) => Ok(count),
        Err(_) => Err(problem_at(
            number,
            format_args!("`{name}` is too large"),
            format_args!("write a number up to `{}`", u32::MAX),
        )),
    }
}

pub(crate) fn expand_count(count: u32) -> Literal {
    Literal::u32_unsuffixed(count)
}
