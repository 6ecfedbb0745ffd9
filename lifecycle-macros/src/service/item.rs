//! The item under the attribute goes in; its name, its generics and the names of its fields come
//! out, and its tokens unchanged.
//!
//! The fields are only compared with the names in paths, so their types and their `cfg`s don't
//! matter.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Attribute, FieldsNamed, Generics, Ident, Lit, Meta, Result, Token, Visibility, token};

use crate::errors::Errors;
use crate::value::fields::Fields;
use crate::words::{SHAPES, STARTUP};

pub(crate) struct Item {
    pub(crate) tokens: TokenStream,
    header: Result<Header>,
}

struct Header {
    attributes: Vec<Attribute>,
    keyword: Ident,
    declared: Option<Type>,
}

/// A struct, or an enum or a union, which get the attribute by mistake. They get a stub too, so
/// that rustc reports nothing where they are used.
pub(crate) struct Type {
    pub(crate) ident: Ident,
    pub(crate) generics: Generics,
    pub(crate) fields: Fields,
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

    pub(crate) fn fields(&self) -> Option<&Fields> {
        self.declared().map(|declared| &declared.fields)
    }

    pub(crate) fn check(&self, errors: &mut Errors) {
        let header = match &self.header {
            Ok(header) => header,
            Err(error) => return errors.push(error.clone()),
        };
        if header.keyword != "struct" {
            report_keyword(&header.keyword, errors);
        }
        if let Some(rival) = header.attributes.iter().find(|other| is_rival(&other.meta)) {
            let sentence = "a struct has one `#[service]`, and this is the second";
            errors.report(rival.path(), sentence, "remove one of the two");
        }
    }

    /// Without a second `#[service(..)]`, which would expand to impls and problems of its own.
    pub(crate) fn without_rivals(&self) -> TokenStream {
        let mut tokens: Vec<TokenTree> = Vec::new();
        for token in self.tokens.clone() {
            if !is_rival_list(&token) || !pop_signs(&mut tokens) {
                tokens.push(token);
            }
        }
        tokens.into_iter().collect()
    }
}

/// Whether the token is the bracketed part of a second `#[service(..)]`.
fn is_rival_list(token: &TokenTree) -> bool {
    match token {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Bracket => {
            syn::parse2(group.stream()).is_ok_and(|meta| is_rival(&meta))
        }
        _ => false,
    }
}

/// Removes the `#` of an attribute, or the `#!` of an inner one.
fn pop_signs(tokens: &mut Vec<TokenTree>) -> bool {
    let is_sign = |token: &TokenTree| matches!(token, TokenTree::Punct(sign) if matches!(sign.as_char(), '#' | '!'));
    let before = tokens.len();
    while tokens.last().is_some_and(is_sign) {
        tokens.pop();
    }
    tokens.len() < before
}

/// Another crate may have an attribute `service`. It is this macro if its first argument is one of
/// ours.
fn is_rival(meta: &Meta) -> bool {
    let Meta::List(list) = meta else {
        return false;
    };
    let named_service = list
        .path
        .segments
        .last()
        .is_some_and(|last| last.ident == "service");
    let first = list.tokens.clone().into_iter().next();
    let is_ours = |word: &str| word == STARTUP || SHAPES.contains(&word);
    named_service && first.is_some_and(|first| is_ours(&first.to_string()))
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
    input.parse::<TokenStream>()?;
    Ok(Header {
        attributes,
        keyword,
        declared,
    })
}

/// Parses up to the keyword that says what the item is: `fn` in `pub const unsafe fn`.
fn parse_keyword(input: ParseStream) -> Result<Ident> {
    loop {
        let word = input.call(Ident::parse_any)?;
        if word == "extern" {
            input.parse::<Option<Lit>>()?;
        }
        let before_function = input.peek(Token![fn])
            || input.peek(Token![async])
            || input.peek(Token![unsafe])
            || input.peek(Token![extern]);
        let before_trait = input.peek(Token![trait]) || input.peek(Token![impl]);
        if !before_function && !before_trait {
            return Ok(word);
        }
    }
}

fn parse_type(input: ParseStream) -> Result<Type> {
    let ident: Ident = input.parse()?;
    let mut generics: Generics = input.parse()?;
    generics.where_clause = input.parse()?;
    let fields = if input.peek(token::Brace) {
        let named = input.fork().parse::<FieldsNamed>().ok();
        named.map(|fields| {
            fields
                .named
                .into_iter()
                .filter_map(|field| field.ident)
                .collect()
        })
    } else if input.peek(token::Paren) {
        input.parse::<TokenTree>()?;
        // A tuple struct has its where clause behind the fields.
        generics.where_clause = input.parse()?;
        None
    } else {
        Some(Vec::new())
    };
    let fields = Fields {
        of: ident.clone(),
        names: fields,
    };
    Ok(Type {
        ident,
        generics,
        fields,
    })
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
        "const" => ("a constant", "put it on a struct"),
        "static" => ("a static", "put it on a struct"),
        "use" => ("an import", "put it on the struct where it is declared"),
        "let" => ("a variable", "put it on the struct that the variable holds"),
        _ => ("no struct", "put it on a struct"),
    };
    let sentence = format_args!("`#[service]` goes on a struct, and this is {found}");
    errors.report(keyword, sentence, help);
}
