//! Single tokens: what comes next, what to skip, and how to show them.

use proc_macro2::{Spacing, TokenStream, TokenTree};
use syn::parse::ParseStream;
use syn::{Ident, Result, Token};

use crate::errors::problem_at;

/// Whether an argument that can't be parsed ends here.
pub(crate) type End = fn(ParseStream) -> bool;

/// Parses the comma behind an argument. The last argument needs none.
pub(crate) fn parse_comma(input: ParseStream) -> Result<()> {
    if input.is_empty() {
        return Ok(());
    }
    if input.peek(Token![,]) {
        return input.parse::<Token![,]>().map(drop);
    }
    let found = next_token(input);
    let help = if input.peek(Token![;]) {
        "write a comma instead".to_owned()
    } else {
        format!("write a comma before `{found}`")
    };
    let sentence = format_args!("expected `,`, found `{found}`");
    Err(problem_at(&found, sentence, help))
}

/// An `=` that is not the beginning of `==` or `=>`.
pub(crate) fn at_equals(input: ParseStream) -> bool {
    input.peek(Token![=]) && !input.peek(Token![==]) && !input.peek(Token![=>])
}

pub(crate) fn skip(input: ParseStream, end: End) -> TokenStream {
    let mut skipped = TokenStream::new();
    while !input.is_empty() && !end(input) {
        skipped.extend(input.parse::<TokenTree>());
    }
    skipped
}

/// The next token, to point at. Signs that belong together, such as `==`, are one token to a
/// reader.
pub(crate) fn next_token(input: ParseStream) -> TokenStream {
    let ahead = input.fork();
    let mut token = TokenStream::new();
    while let Ok(tree) = ahead.parse::<TokenTree>() {
        let joint = is_joint(&tree);
        token.extend([tree]);
        if !joint {
            break;
        }
    }
    token
}

pub(super) fn last_token(tokens: &TokenStream) -> TokenStream {
    let mut last = TokenStream::new();
    let mut joint = false;
    for tree in tokens.clone() {
        if !joint {
            last = TokenStream::new();
        }
        joint = is_joint(&tree);
        last.extend([tree]);
    }
    last
}

fn is_joint(tree: &TokenTree) -> bool {
    matches!(tree, TokenTree::Punct(sign) if sign.spacing() == Spacing::Joint)
}

/// Removes most of the spaces that `TokenStream` prints around signs, so that code reads as its
/// author has written it.
pub(crate) fn tidy(tokens: &str) -> String {
    tokens
        .replace(" :: ", "::")
        .replace(" ()", "()")
        .replace(" . ", ".")
        .replace(" (", "(")
        .replace(" ?", "?")
}

/// Finds the user's own `self`. In an expression that comes out of a `macro_rules!`, a `self` with
/// another span would be another variable.
pub(crate) fn find_self(tokens: TokenStream) -> Option<Ident> {
    tokens.into_iter().find_map(|token| match token {
        TokenTree::Ident(ident) => (ident == "self").then_some(ident),
        TokenTree::Group(group) => find_self(group.stream()),
        TokenTree::Punct(_) | TokenTree::Literal(_) => None,
    })
}
