//! Names and dependencies, as tokens, go in; what the shared rules have against them comes out, at
//! those tokens.
//!
//! The derive at the end does it for entries behind a `cfg`: a derive sees what `cfg` has left, a
//! macro call does not.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::punctuated::Punctuated;
use syn::{Data, DeriveInput, Error, LitStr, Result, Token, Variant};

use crate::diag::mistake;
use crate::rules::graph::{self, Found, Place};

pub(crate) struct Node {
    pub(crate) name: LitStr,
    pub(crate) after: Vec<LitStr>,
}

pub(crate) fn find_problems(nodes: &[Node]) -> Vec<Found> {
    let value_all = |list: &[LitStr]| list.iter().map(LitStr::value).collect();
    let texts: Vec<(String, Vec<String>)> = nodes
        .iter()
        .map(|node| (node.name.value(), value_all(&node.after)))
        .collect();
    let entries: Vec<graph::Entry<'_>> = texts
        .iter()
        .map(|(name, after)| graph::Entry {
            name,
            after: after.iter().map(String::as_str).collect(),
        })
        .collect();
    graph::check(&entries)
}

/// `registry` is what to point at when there is nothing in it.
pub(crate) fn tell(found: &Found, nodes: &[Node], registry: impl ToTokens) -> Error {
    let Found {
        place: Place { entry, dependency },
        problem,
    } = found;
    let place = nodes.get(*entry).and_then(|node| match dependency {
        Some(dependency) => node.after.get(*dependency),
        None => Some(&node.name),
    });
    match place {
        Some(place) => mistake(place, problem, problem.help()),
        None => mistake(registry, problem, problem.help()),
    }
}

/// `enum Entries { #[entry("api", "store")] E0, .. }`: a variant for each entry, its name and its
/// dependencies.
pub(crate) fn check(input: TokenStream) -> TokenStream {
    let (registry, nodes) = match parse_nodes(input) {
        Ok(parsed) => parsed,
        Err(error) => return error.to_compile_error(),
    };
    let problems = find_problems(&nodes);
    let tell = |found| tell(found, &nodes, &registry).to_compile_error();
    problems.iter().map(tell).collect()
}

fn parse_nodes(input: TokenStream) -> Result<(syn::Ident, Vec<Node>)> {
    let input: DeriveInput = syn::parse2(input)?;
    let variants = match &input.data {
        Data::Enum(data) => data
            .variants
            .iter()
            .map(parse_node)
            .collect::<Result<_>>()?,
        Data::Struct(_) | Data::Union(_) => Vec::new(),
    };
    Ok((input.ident, variants))
}

fn parse_node(variant: &Variant) -> Result<Node> {
    let mut names = Vec::new();
    // A `cfg` that holds is there as well.
    let specs = variant
        .attrs
        .iter()
        .filter(|attribute| attribute.path().is_ident("entry"));
    for attribute in specs {
        names.extend(attribute.parse_args_with(Punctuated::<LitStr, Token![,]>::parse_terminated)?);
    }
    let mut names = names.into_iter();
    let Some(name) = names.next() else {
        return Err(Error::new_spanned(variant, "an entry without a name"));
    };
    Ok(Node {
        name,
        after: names.collect(),
    })
}
