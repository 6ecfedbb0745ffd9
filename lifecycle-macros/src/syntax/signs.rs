//! A key without an `=` and the tokens behind it go in; a problem comes out that says what its
//! author most likely meant.

use lifecycle_rules::suggest;
use proc_macro2::{Group, TokenStream};
use quote::quote;
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Error, Ident, Token, token};

use crate::errors::problem_at;
use crate::words::SHAPES;

use super::tokens::{at_equals, next_token};

/// Refuses what stands between a key and its value in place of the `=`.
pub(crate) fn refuse_sign(key: &Ident, input: ParseStream) -> Error {
    if let Some((rest, shape)) = parse_path(&input.fork()) {
        let path = quote!(#key #rest);
        let typed = path.to_string().replace(' ', "");
        let sentence = format_args!("the shape `{typed}` is a path");
        return problem_at(path, sentence, format_args!("write `{shape}`"));
    }
    let found = next_token(input);
    if at_group_of_arguments(input) {
        return problem_at(
            &found,
            format_args!("the arguments of `{key}` are not in parentheses"),
            format_args!("write `{key}(..)`"),
        );
    }
    if input.peek(Token![|]) || input.peek(Token![+]) || input.peek(Token![&]) {
        let sentence = format_args!("expected `,`, found `{found}`");
        return problem_at(&found, sentence, "write a comma instead");
    }
    problem_at(
        &found,
        format_args!("expected `=` after `{key}`, found `{found}`"),
        format_args!("write `{key} = ..`"),
    )
}

/// Parses the rest of `lifecycle::idle` behind `lifecycle`, up to a shape. `None` if no shape is at its end.
fn parse_path(input: ParseStream) -> Option<(TokenStream, Ident)> {
    let mut rest = TokenStream::new();
    let mut last = None;
    while input.peek(Token![::]) && input.peek3(Ident::peek_any) {
        let colons: Token![::] = input.parse().ok()?;
        let word = input.call(Ident::parse_any).ok()?;
        rest.extend(quote!(#colons #word));
        last = Some(word);
    }
    let shape = last.filter(|word| SHAPES.iter().any(|shape| word == shape))?;
    Some((rest, shape))
}

/// `[interval = "5s"]`, `{ interval = "5s" }`
fn at_group_of_arguments(input: ParseStream) -> bool {
    let is_group = input.peek(token::Bracket) || input.peek(token::Brace);
    let inside = |input: ParseStream| {
        let group: Group = input.parse()?;
        let key = |inside: ParseStream| {
            inside.call(Ident::parse_any)?;
            let named = at_equals(inside) || inside.peek(Token![:]);
            inside.parse::<TokenStream>()?;
            Ok(named)
        };
        key.parse2(group.stream())
    };
    is_group && inside(&input.fork()).unwrap_or(false)
}

/// Parses the rest of `stop-timeout` behind `stop`. For most keys that is nothing.
pub(crate) fn parse_hyphens(input: ParseStream) -> TokenStream {
    let mut rest = TokenStream::new();
    while input.peek(Token![-]) && input.peek2(Ident::peek_any) {
        let (Ok(hyphen), Ok(word)) = (input.parse::<Token![-]>(), input.call(Ident::parse_any))
        else {
            break;
        };
        rest.extend(quote!(#hyphen #word));
    }
    rest
}

pub(crate) fn refuse_hyphen(first: &Ident, rest: &TokenStream) -> Error {
    let tokens = quote!(#first #rest);
    let typed = tokens.to_string().replace(' ', "");
    let word = typed.replace('-', "_");
    let word = suggest::nearest(&word, &SHAPES).unwrap_or(&word);
    problem_at(
        tokens,
        format_args!("`{typed}` has a hyphen in it"),
        format_args!("write `{word}`"),
    )
}
