//! A token stream goes in; arguments come out as they were written: words, lists and settings, with
//! their spans.
//!
//! `idle`, `scheduled(..)`, `interval = ..`: one grammar for the arguments of `#[service]`, at any
//! depth, and for the settings of `registry!`. It decides nothing: which word means what is for the
//! models to say.

use proc_macro2::{Group, TokenStream};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Error, Expr, Ident, Result, Token, token};

use crate::errors::mistake;

use super::signs::{parse_hyphens, refuse_hyphen, refuse_sign};
use super::tokens::{End, at_equals, next_token, parse_comma, skip};
use super::value::{Value, parse_value};

pub(crate) enum Written {
    Part(Part),
    /// A value where the name of an argument goes.
    Stray(Value),
    Unreadable(Error),
}

pub(crate) struct Part {
    pub(crate) key: Ident,
    pub(crate) form: Form,
}

pub(crate) enum Form {
    /// `idle`
    Word,
    /// `scheduled(..)`
    List { group: Group, parts: Vec<Written> },
    /// `interval = ..`
    Value(Value),
}

impl Part {
    /// The value of a setting, or why there is none; `example` is the whole setting as it should be
    /// written.
    pub(crate) fn value(&self, example: &str) -> Result<&Expr> {
        let key = &self.key;
        let value = match &self.form {
            Form::Value(value) => value,
            Form::Word => &Value::Missing,
            Form::List { group, .. } => {
                let sentence = format_args!("the value of `{key}` is in parentheses");
                return Err(mistake(group, sentence, format_args!("write `{example}`")));
            }
        };
        value.expr(key, &key.to_string(), example)
    }
}

/// What is between a pair of parentheses.
pub(crate) fn parse_list(tokens: TokenStream) -> Vec<Written> {
    let parser = |input: ParseStream| {
        let mut list = Vec::new();
        while !input.is_empty() {
            list.push(parse_argument(input, at_comma));
            if let Err(error) = parse_comma(input) {
                list.push(Written::Unreadable(error));
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
        .unwrap_or_else(|error| vec![Written::Unreadable(error)])
}

pub(crate) fn parse_argument(input: ParseStream, end: End) -> Written {
    if input.peek(Ident::peek_any) {
        return match parse_part(input, end) {
            Ok(part) => Written::Part(part),
            Err(error) => {
                skip(input, end);
                Written::Unreadable(error)
            }
        };
    }
    match parse_value(input, end) {
        Value::Missing => {
            let comma = next_token(input);
            Written::Unreadable(mistake(
                comma,
                "there is nothing before this comma",
                "remove it",
            ))
        }
        value => Written::Stray(value),
    }
}

fn at_comma(input: ParseStream) -> bool {
    input.peek(Token![,])
}

fn parse_part(input: ParseStream, end: End) -> Result<Part> {
    let key = input.call(Ident::parse_any)?;
    let hyphens = parse_hyphens(&input.fork());
    if !hyphens.is_empty() {
        return Err(refuse_hyphen(&key, &hyphens));
    }
    let form = if input.peek(token::Paren) {
        let group: Group = input.parse()?;
        Form::List {
            parts: parse_list(group.stream()),
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
    Ok(Part { key, form })
}
