//! Tokens go in; arguments come out as they are written, with their spans: `idle`, `scheduled(..)`,
//! `interval = ..`.
//!
//! The arguments of `#[service]`, at any depth, and the settings of `registry!` have this one
//! grammar. It knows no names: the models decide what each argument means.

use proc_macro2::{Group, TokenStream};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Error, Expr, Ident, Result, Token, token};

use crate::errors::problem_at;

use super::signs::{parse_hyphens, refuse_hyphen, refuse_sign};
use super::tokens::{End, at_equals, next_token, parse_comma, skip};
use super::value::{Value, parse_value};

pub(crate) enum Argument {
    Named(NamedArgument),
    /// A value where the name of an argument goes.
    Stray(Value),
    Unreadable(Error),
}

pub(crate) struct NamedArgument {
    pub(crate) key: Ident,
    pub(crate) form: Form,
}

pub(crate) enum Form {
    /// `idle`
    Word,
    /// `scheduled(..)`
    List {
        group: Group,
        arguments: Vec<Argument>,
    },
    /// `interval = ..`
    Value(Value),
}

impl NamedArgument {
    /// The value of the argument, or the problem with it. `example` is the whole argument as it
    /// should be written.
    pub(crate) fn value(&self, example: &str) -> Result<&Expr> {
        let key = &self.key;
        let value = match &self.form {
            Form::Value(value) => value,
            Form::Word => &Value::Missing,
            Form::List { group, .. } => {
                let sentence = format_args!("the value of `{key}` is in parentheses");
                return Err(problem_at(
                    group,
                    sentence,
                    format_args!("write `{example}`"),
                ));
            }
        };
        value.expr(key, &key.to_string(), example)
    }
}

/// Parses the arguments between a pair of parentheses.
pub(crate) fn parse_list(tokens: TokenStream) -> Vec<Argument> {
    let parser = |input: ParseStream| {
        let mut list = Vec::new();
        while !input.is_empty() {
            list.push(parse_argument(input, at_comma));
            if let Err(error) = parse_comma(input) {
                list.push(Argument::Unreadable(error));
                if !input.peek(Ident::peek_any) {
                    skip(input, at_comma);
                    parse_comma(input)?;
                }
            }
        }
        Ok(list)
    };
    parser
        .parse2(tokens)
        .unwrap_or_else(|error| vec![Argument::Unreadable(error)])
}

pub(crate) fn parse_argument(input: ParseStream, end: End) -> Argument {
    if input.peek(Ident::peek_any) {
        return match parse_named(input, end) {
            Ok(argument) => Argument::Named(argument),
            Err(error) => {
                skip(input, end);
                Argument::Unreadable(error)
            }
        };
    }
    match parse_value(input, end) {
        Value::Missing => {
            let comma = next_token(input);
            Argument::Unreadable(problem_at(
                comma,
                "there is nothing before this comma",
                "remove it",
            ))
        }
        value => Argument::Stray(value),
    }
}

fn at_comma(input: ParseStream) -> bool {
    input.peek(Token![,])
}

fn parse_named(input: ParseStream, end: End) -> Result<NamedArgument> {
    let key = input.call(Ident::parse_any)?;
    let hyphens = parse_hyphens(&input.fork());
    if !hyphens.is_empty() {
        return Err(refuse_hyphen(&key, &hyphens));
    }
    let form = if input.peek(token::Paren) {
        let group: Group = input.parse()?;
        Form::List {
            arguments: parse_list(group.stream()),
            group,
        }
    } else if at_equals(input) {
        input.parse::<Token![=]>()?;
        Form::Value(parse_value(input, end))
    } else if input.is_empty() || end(input) || input.peek(Ident::peek_any) {
        Form::Word
    } else {
        return Err(refuse_sign(&key, input));
    };
    Ok(NamedArgument { key, form })
}
