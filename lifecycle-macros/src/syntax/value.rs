//! The tokens of a value go in; an expression comes out, or the part of one that is typed so far.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::parse::ParseStream;
use syn::parse::discouraged::Speculative;
use syn::{Error, Expr, ExprLit, Ident, Lit, Result};

use crate::bounds;
use crate::errors::problem_at;

use super::tokens::{End, last_token, skip};

pub(crate) enum Value {
    Expr(Expr),
    Missing,
    /// No expression: most of the time it is half-typed.
    Broken {
        tokens: TokenStream,
        error: Error,
        /// The part before a last dot: an editor completes only what it finds in the expansion.
        begun: Option<Expr>,
    },
}

impl Value {
    /// The expression, or the problem with it. `key` is what to point at if there is no value.
    pub(crate) fn expr(&self, key: impl ToTokens, name: &str, example: &str) -> Result<&Expr> {
        match self {
            // The comma before the next argument is missing.
            Self::Expr(Expr::Assign(assign)) => Err(problem_at(
                assign.eq_token,
                format_args!("`{name}` has a second `=` in its value"),
                "write a comma before the next argument",
            )),
            Self::Expr(expr) => check_text(expr, name).map(|()| expr),
            Self::Missing => Err(problem_at(
                key,
                format_args!("`{name}` has no value"),
                format_args!("write `{example}`"),
            )),
            Self::Broken { tokens, error, .. } => {
                // syn also offers a `;`, as in `[0; 3]`, but no setting takes such an array.
                let message = error.to_string().replace(" or `;`", "");
                Err(if ends_early(error) {
                    // syn would point at the whole macro call.
                    let last = last_token(tokens);
                    problem_at(
                        &last,
                        format_args!("the value of `{name}` is cut short"),
                        format_args!("write what follows `{last}`"),
                    )
                } else {
                    let help = if message == "expected `,`" {
                        "write a comma before this".to_owned()
                    } else {
                        format!("the value of `{name}` is one expression: `{example}`")
                    };
                    Error::new(error.span(), format_args!("{message}\nhelp: {help}"))
                })
            }
        }
    }

    pub(crate) fn is_cut_short(&self) -> bool {
        matches!(self, Self::Broken { error, .. } if ends_early(error))
    }

    /// What to point at: the value, or its key where there is none.
    pub(crate) fn place(&self, key: Option<&Ident>) -> TokenStream {
        match self {
            Self::Expr(expr) => expr.to_token_stream(),
            Self::Missing => key.to_token_stream(),
            Self::Broken { tokens, .. } => tokens.clone(),
        }
    }

    /// The expression, even if it has no meaning here. It goes into the expansion, so that rustc
    /// reports no unused variables and an editor completes it.
    pub(crate) fn leftover(&self) -> Option<&Expr> {
        match self {
            Self::Expr(expr) => Some(expr),
            Self::Missing => None,
            Self::Broken { begun, .. } => begun.as_ref(),
        }
    }
}

/// Refuses a long text: not everything that reads one, or says what is wrong with it, is linear in
/// its length.
fn check_text(value: &Expr, name: &str) -> Result<()> {
    let text = match ungrouped(value) {
        Expr::Call(call) => ungrouped(&call.func),
        other => other,
    };
    match literal(text) {
        Some(Lit::Str(text)) if text.value().len() > bounds::TEXT => Err(problem_at(
            text,
            format_args!("the text of `{name}` is {} bytes long", text.value().len()),
            format_args!("write one of up to {}", bounds::TEXT),
        )),
        _ => Ok(()),
    }
}

fn ends_early(error: &Error) -> bool {
    error.to_string().starts_with("unexpected end of input")
}

pub(crate) fn parse_value(input: ParseStream, end: End) -> Value {
    if input.is_empty() || end(input) {
        return Value::Missing;
    }
    let ahead = input.fork();
    match ahead.parse() {
        Ok(expr) => {
            input.advance_to(&ahead);
            Value::Expr(expr)
        }
        Err(error) => {
            let tokens = skip(input, end);
            // Parse the value alone: the error of `ahead` may be about the tokens behind it.
            let error = syn::parse2::<Expr>(tokens.clone()).err().unwrap_or(error);
            Value::Broken {
                begun: parse_begun(&tokens),
                tokens,
                error,
            }
        }
    }
}

fn parse_begun(tokens: &TokenStream) -> Option<Expr> {
    let mut tokens: Vec<TokenTree> = tokens.clone().into_iter().collect();
    match tokens.pop()? {
        TokenTree::Punct(last) if last.as_char() == '.' => {
            syn::parse2(tokens.into_iter().collect()).ok()
        }
        _ => None,
    }
}

/// The word of a value that should be one word, however it is written: `ignore`, `"ignore"`,
/// `OnFailure::Ignore`, `restart(..)`, or `continue`, which is a keyword.
pub(crate) fn word_of(value: &Expr) -> String {
    match ungrouped(value) {
        Expr::Path(path) if path.path.segments.len() > 1 => {
            let last = path.path.segments.last();
            last.map(|last| last.ident.to_string()).unwrap_or_default()
        }
        Expr::Call(call) => word_of(&call.func),
        Expr::Lit(ExprLit {
            lit: Lit::Str(quoted),
            ..
        }) => quoted.value(),
        other => other.to_token_stream().to_string(),
    }
}

/// The expression as a literal, also within the invisible group of a `macro_rules!`.
pub(crate) fn literal(value: &Expr) -> Option<&Lit> {
    match ungrouped(value) {
        Expr::Lit(ExprLit { lit, .. }) => Some(lit),
        _ => None,
    }
}

/// Unwraps the invisible group that a `macro_rules!` puts around what its matcher has found.
pub(crate) fn ungrouped(value: &Expr) -> &Expr {
    match value {
        Expr::Group(group) => ungrouped(&group.expr),
        other => other,
    }
}
