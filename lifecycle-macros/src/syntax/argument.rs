//! A token stream goes in; arguments come out as they were written: words, lists and settings, with
//! their spans.
//!
//! `idle`, `scheduled(..)`, `interval = ..`: one grammar for the arguments of `#[service]`, at any
//! depth, and for the settings of `registry!`. It decides nothing: which word means what is for the
//! models to say.

use proc_macro2::{Group, Spacing, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::discouraged::Speculative;
use syn::parse::{ParseStream, Parser};
use syn::{Error, Expr, ExprLit, Ident, Lit, Result, Token, token};

use crate::bounds;
use crate::errors::mistake;
use crate::syntax::signs::{parse_hyphens, refuse_hyphen, refuse_sign};

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

pub(crate) enum Value {
    Expr(Expr),
    Missing,
    /// Half-typed, most of the time.
    Broken {
        tokens: TokenStream,
        error: Error,
        /// The part before a last dot, which an editor has to see to complete it.
        begun: Option<Expr>,
    },
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

impl Value {
    /// The expression, or why there is none; `key` is what to point at then.
    pub(crate) fn expr(&self, key: impl ToTokens, name: &str, example: &str) -> Result<&Expr> {
        match self {
            // The next argument, behind something that is no comma.
            Self::Expr(Expr::Assign(assign)) => Err(mistake(
                assign.eq_token,
                format_args!("`{name}` has a second `=` in its value"),
                "write a comma before the next argument",
            )),
            Self::Expr(expr) => check_text(expr, name).map(|()| expr),
            Self::Missing => Err(mistake(
                key,
                format_args!("`{name}` has no value"),
                format_args!("write `{example}`"),
            )),
            Self::Broken { tokens, error, .. } => {
                // An array may be `[0; 3]` to syn, but no setting takes one of those.
                let message = error.to_string().replace(" or `;`", "");
                Err(if ends_early(error) {
                    // Which syn puts at the whole macro call.
                    let last = last_token(tokens);
                    mistake(
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

    /// What the rest of the program may rely on being used, and an editor on being there, even if
    /// it has no meaning.
    pub(crate) fn leftover(&self) -> Option<&Expr> {
        match self {
            Self::Expr(expr) => Some(expr),
            Self::Missing => None,
            Self::Broken { begun, .. } => begun.as_ref(),
        }
    }
}

/// What is done with a text, to read it and to tell what is wrong with it, is not all linear in its
/// length.
fn check_text(value: &Expr, name: &str) -> Result<()> {
    let text = match ungrouped(value) {
        Expr::Call(call) => ungrouped(&call.func),
        other => other,
    };
    match text {
        Expr::Lit(ExprLit {
            lit: Lit::Str(text),
            ..
        }) if text.value().len() > bounds::TEXT => Err(mistake(
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

/// Says where the rest of an unreadable argument ends.
pub(crate) type End = fn(ParseStream) -> bool;

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
            // Without what comes behind it, which is not to blame.
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

/// The comma after an argument; none is needed at the end.
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
    Err(mistake(&found, sentence, help))
}

/// An `=` that is not the beginning of `==` or `=>`.
pub(crate) fn at_equals(input: ParseStream) -> bool {
    input.peek(Token![=]) && !input.peek(Token![==]) && !input.peek(Token![=>])
}

fn at_comma(input: ParseStream) -> bool {
    input.peek(Token![,])
}

pub(crate) fn skip(input: ParseStream, end: End) -> TokenStream {
    let mut skipped = TokenStream::new();
    while !input.is_empty() && !end(input) {
        skipped.extend(input.parse::<TokenTree>());
    }
    skipped
}

/// The token to point at, with all of its signs: `==` is one token to a reader.
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

fn last_token(tokens: &TokenStream) -> TokenStream {
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

/// Tokens as their author would write them, or nearly so: a path is printed with spaces in it.
pub(crate) fn tidy(tokens: &str) -> String {
    tokens
        .replace(" :: ", "::")
        .replace(" ()", "()")
        .replace(" . ", ".")
        .replace(" (", "(")
        .replace(" ?", "?")
}

/// The word that stands where a mode goes, in whichever way it is written: `ignore`, `"ignore"`,
/// `OnFailure::Ignore`, `restart(..)`. `continue` is an expression of its own to syn.
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

/// What a `macro_rules!` matcher hands over is in an invisible group.
pub(crate) fn ungrouped(value: &Expr) -> &Expr {
    match value {
        Expr::Group(group) => ungrouped(&group.expr),
        other => other,
    }
}
