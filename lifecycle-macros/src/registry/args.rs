//! The tokens of `registry!` go in; settings of the registry and entries come out as they are
//! written.
//!
//! Settings such as `after = ..` belong to the entry before them; the name of a service begins the
//! next entry.

use proc_macro2::{Group, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::discouraged::Speculative;
use syn::parse::{ParseStream, Parser};
use syn::{Attribute, Error, Expr, Ident, Lit, LitStr, Result, Token, token};

use crate::errors::problem_at;
use crate::syntax::{
    Argument, Form, NamedArgument, Value, at_equals, next_token, parse_argument, parse_comma,
    parse_hyphens, parse_value, skip,
};
use crate::words::{REGISTRY_SETTINGS, RESTART, SERVICE_SETTINGS};

pub(crate) struct Args {
    /// The tokens of `$crate`.
    pub(crate) library: TokenStream,
    pub(crate) settings: Vec<Argument>,
    pub(crate) entries: Vec<TypedEntry>,
    /// Tokens were skipped, and they may have been an entry.
    pub(crate) lost: bool,
}

pub(crate) struct TypedEntry {
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) name: Name,
    /// The problem with the `=>`, if there is one.
    pub(crate) arrow: Result<()>,
    pub(crate) value: Value,
    pub(crate) settings: Vec<Argument>,
}

pub(crate) enum Name {
    Quoted(LitStr),
    /// `store => ..`
    Bare(Ident),
    /// `1 => ..`
    Literal(Lit),
    /// `format!("..") => ..`
    Computed(Expr),
    /// A value without a name.
    Missing,
}

impl Args {
    pub(crate) fn parse(tokens: TokenStream) -> Result<Self> {
        parse_args.parse2(tokens)
    }

    /// The list that the next setting belongs to.
    fn settings(&mut self) -> &mut Vec<Argument> {
        match self.entries.last_mut() {
            Some(entry) => &mut entry.settings,
            None => &mut self.settings,
        }
    }
}

fn parse_args(input: ParseStream) -> Result<Args> {
    let library: Group = input.parse()?;
    let library = library.stream();
    let mut args = Args {
        library,
        settings: Vec::new(),
        entries: Vec::new(),
        lost: false,
    };
    while !input.is_empty() {
        if input.peek(Token![#]) && !input.peek2(token::Bracket) {
            let sentence = "`#` begins an attribute, and `//` a comment";
            let sign: Token![#] = input.parse()?;
            let error = problem_at(sign, sentence, "write `//`, or `#[cfg(..)]`");
            args.settings().push(Argument::Unreadable(error));
            skip(input, at_end);
            args.lost = true;
        }
        let attributes = input.call(Attribute::parse_outer)?;
        if at_setting(input) || input.peek(Token![,]) {
            refuse_attributes(&attributes, &mut args);
            let setting = parse_argument(input, at_end);
            args.settings().push(setting);
        } else if input.is_empty() {
            refuse_attributes(&attributes, &mut args);
        } else {
            let entry = parse_entry(attributes, input);
            args.entries.push(entry);
        }
        parse_separator(input, &mut args)?;
    }
    Ok(args)
}

fn parse_entry(attributes: Vec<Attribute>, input: ParseStream) -> TypedEntry {
    let name = parse_name(input);
    let arrow = match &name {
        Ok(Name::Missing | Name::Computed(_)) | Err(_) => Ok(()),
        Ok(name) => parse_arrow(name, input),
    };
    let value = parse_value(input, at_end);
    TypedEntry {
        attributes,
        name: name.unwrap_or(Name::Missing),
        arrow,
        value,
        settings: Vec::new(),
    }
}

fn parse_name(input: ParseStream) -> Result<Name> {
    if input.peek(Lit) {
        return Ok(match input.parse()? {
            Lit::Str(quoted) => Name::Quoted(quoted),
            other => Name::Literal(other),
        });
    }
    let ahead = input.fork();
    let is_name = ahead.call(Ident::parse_any).is_ok() && at_arrow(&ahead);
    if is_name {
        return input.call(Ident::parse_any).map(Name::Bare);
    }
    let ahead = input.fork();
    match ahead.parse() {
        Ok(name) if ahead.peek(Token![=>]) => {
            input.advance_to(&ahead);
            input.parse::<Token![=>]>()?;
            Ok(Name::Computed(name))
        }
        _ => Ok(Name::Missing),
    }
}

fn parse_arrow(name: &Name, input: ParseStream) -> Result<()> {
    if input.peek(Token![=>]) {
        return input.parse::<Token![=>]>().map(drop);
    }
    if input.is_empty() || at_end(input) {
        // Without an arrow and a value, report the missing value only.
        return Ok(());
    }
    let found = next_token(input);
    if at_arrow(input) {
        for _ in found.clone() {
            input.parse::<TokenTree>()?;
        }
    }
    let name = match name {
        Name::Quoted(name) => name.token().to_string(),
        _ => "\"name\"".to_owned(),
    };
    let sentence = format_args!("expected `=>` after `{name}`, found `{found}`");
    Err(problem_at(
        &found,
        sentence,
        format_args!("write `{name} => ..`"),
    ))
}

/// Whether the next token is an arrow in another language: `:`, `=`, `->`.
fn at_arrow(input: ParseStream) -> bool {
    let colon = input.peek(Token![:]) && !input.peek(Token![::]);
    colon || input.peek(Token![=]) || input.peek(Token![->])
}

fn at_setting(input: ParseStream) -> bool {
    let ahead = input.fork();
    let Ok(key) = ahead.call(Ident::parse_any) else {
        return false;
    };
    if !parse_hyphens(&ahead).is_empty() {
        return at_equals(&ahead);
    }
    let mut known = REGISTRY_SETTINGS
        .iter()
        .chain(&SERVICE_SETTINGS)
        .chain([&RESTART]);
    at_equals(&ahead) || known.any(|known| key == known)
}

fn at_end(input: ParseStream) -> bool {
    input.peek(Token![,]) || at_entry(input)
}

fn at_entry(input: ParseStream) -> bool {
    input.peek(LitStr) && input.peek2(Token![=>])
}

/// Parses the comma behind an entry or a setting. Without one, reading goes on where the next of
/// them begins. If the value before is broken, that is reported already, and the comma is not.
fn parse_separator(input: ParseStream, args: &mut Args) -> Result<()> {
    let broken = match args.settings().last() {
        Some(
            Argument::Named(NamedArgument {
                form: Form::Value(value),
                ..
            })
            | Argument::Stray(value),
        ) => {
            matches!(value, Value::Broken { .. })
        }
        Some(Argument::Named(_) | Argument::Unreadable(_)) => false,
        None => args
            .entries
            .last()
            .is_some_and(|entry| matches!(entry.value, Value::Broken { .. })),
    };
    if broken && !input.peek(Token![,]) {
        return Ok(());
    }
    if let Err(error) = parse_comma(input) {
        args.settings().push(Argument::Unreadable(error));
        if !at_setting(input) && !at_entry(input) && !input.peek(Token![#]) {
            skip(input, at_end);
            args.lost = true;
            if input.peek(Token![,]) {
                input.parse::<Token![,]>()?;
            }
        }
    }
    Ok(())
}

fn refuse_attributes(attributes: &[Attribute], args: &mut Args) {
    for attribute in attributes {
        let error = attribute_error(attribute);
        args.settings().push(Argument::Unreadable(error));
    }
}

fn attribute_error(attribute: &Attribute) -> Error {
    let path = attribute.path();
    let sentence = format_args!(
        "the attribute `{}` belongs to no service",
        path.to_token_stream()
    );
    problem_at(
        path,
        sentence,
        "put it before the name of a service, or remove it",
    )
}
