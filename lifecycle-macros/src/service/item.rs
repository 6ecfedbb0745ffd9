//! The item under the attribute goes in; its name and generics come out, and its tokens just as they were.
//!
//! Only the header is parsed. What is in the body, and what `cfg` leaves of it, is not the attribute's business.

use proc_macro2::{TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Attribute, Generics, Ident, Lit, Meta, Result, Token, Visibility, token};

use crate::diag::Errors;

use super::args::SHAPES;

pub(crate) struct Item {
    pub(crate) tokens: TokenStream,
    header: Result<Header>,
}

struct Header {
    attributes: Vec<Attribute>,
    keyword: Ident,
    declared: Option<Type>,
}

/// A struct, or a type that was taken for one: with a stub its users have nothing to complain about.
pub(crate) struct Type {
    pub(crate) ident: Ident,
    pub(crate) generics: Generics,
}

impl Item {
    pub(crate) fn parse(tokens: TokenStream) -> Self {
        Self {
            header: parse_header.parse2(tokens.clone()),
            tokens,
        }
    }

    pub(crate) fn declared(&self) -> Option<&Type> {
        self.header.as_ref().ok()?.declared.as_ref()
    }

    pub(crate) fn check(&self, errors: &mut Errors) {
        match &self.header {
            Ok(Header { keyword, .. }) if keyword != "struct" => report_keyword(keyword, errors),
            Ok(_) => {
                if let Some(rival) = self.rival() {
                    let help = "keep one of the two";
                    errors.report(
                        rival.path(),
                        "a service has one shape, and this is the second",
                        help,
                    );
                }
            }
            Err(error) => errors.push(error.clone()),
        }
    }

    /// A second `#[service(..)]`, which brings impls of its own. The path may be anybody's `service`; only one with a
    /// shape of ours is surely this macro.
    pub(crate) fn rival(&self) -> Option<&Attribute> {
        self.header
            .as_ref()
            .ok()?
            .attributes
            .iter()
            .find(|attribute| {
                let Meta::List(list) = &attribute.meta else {
                    return false;
                };
                let named_service = list
                    .path
                    .segments
                    .last()
                    .is_some_and(|last| last.ident == "service");
                let first = list.tokens.clone().into_iter().next();
                let with_shape =
                    first.is_some_and(|first| SHAPES.contains(&first.to_string().as_str()));
                named_service && with_shape
            })
    }
}

fn parse_header(input: ParseStream) -> Result<Header> {
    let attributes = input.call(Attribute::parse_outer)?;
    input.parse::<Visibility>()?;
    let keyword = parse_keyword(input)?;
    let is_type = keyword == "struct" || keyword == "enum" || keyword == "union";
    let declared = if is_type {
        Some(parse_type(input)?)
    } else {
        None
    };
    // The body stays unparsed.
    input.parse::<TokenStream>()?;
    Ok(Header {
        attributes,
        keyword,
        declared,
    })
}

/// The word that says what the item is, behind what may stand before it.
fn parse_keyword(input: ParseStream) -> Result<Ident> {
    loop {
        let word = input.call(Ident::parse_any)?;
        let is_prefix = word == "const" || word == "async" || word == "unsafe" || word == "extern";
        if word == "extern" {
            input.parse::<Option<Lit>>()?;
        }
        let function = input.peek(Token![fn]) || input.peek(Token![extern]);
        let before_word = function || input.peek(Token![unsafe]) || input.peek(Token![async]);
        let before_trait = input.peek(Token![trait]) || input.peek(Token![impl]);
        if !(is_prefix && (before_word || before_trait)) {
            return Ok(word);
        }
    }
}

fn parse_type(input: ParseStream) -> Result<Type> {
    let ident = input.parse()?;
    let mut generics: Generics = input.parse()?;
    generics.where_clause = input.parse()?;
    // A tuple struct has its where clause behind the fields.
    if input.peek(token::Paren) {
        input.parse::<TokenTree>()?;
        generics.where_clause = input.parse()?;
    }
    Ok(Type { ident, generics })
}

fn report_keyword(keyword: &Ident, errors: &mut Errors) {
    let (found, help) = match keyword.to_string().as_str() {
        "enum" => ("an enum", "put it on a struct that holds the enum"),
        "union" => ("a union", "put it on a struct that holds the union"),
        "trait" => ("a trait", "put it on the struct that implements the trait"),
        "impl" => (
            "an `impl` block",
            "put it on the struct that the block is for",
        ),
        "fn" => (
            "a function",
            "put it on a struct, and the work into its hooks",
        ),
        "type" => ("a type alias", "put it on the struct that the alias names"),
        "mod" => ("a module", "put it on the structs in the module"),
        _ => ("no struct", "put it on a struct"),
    };
    let sentence = format_args!("`#[service]` goes on a struct, and this is {found}");
    errors.report(keyword, sentence, help);
}
