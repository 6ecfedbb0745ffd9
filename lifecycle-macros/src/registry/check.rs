//! Names and dependencies go in as tokens; the problems that the shared rules find come out at
//! those tokens.
//!
//! For a registry with entries under a `cfg` the derive at the end does this: a derive sees only
//! the variants that `cfg` has left, and a macro call sees all of them.

use lifecycle_rules::graph::{self, Dependency, DependencyKind, Found, Place};
use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::parse::ParseStream;
use syn::punctuated::Punctuated;
use syn::{Attribute, Data, DeriveInput, Error, Ident, LitStr, Result, Token, Variant};

use crate::errors::problem_at;

pub(crate) struct Node {
    pub(crate) name: LitStr,
    pub(crate) before_all: bool,
    pub(crate) dependencies: Vec<(LitStr, DependencyKind)>,
}

pub(crate) fn find_problems(nodes: &[Node]) -> Vec<Found> {
    let value = |(name, kind): &(LitStr, DependencyKind)| (name.value(), *kind);
    let texts: Vec<(String, Vec<(String, DependencyKind)>)> = nodes
        .iter()
        .map(|node| {
            let dependencies = node.dependencies.iter().map(value);
            (node.name.value(), dependencies.collect())
        })
        .collect();
    let entries: Vec<graph::Service<'_>> = texts
        .iter()
        .zip(nodes)
        .map(|((name, dependencies), node)| graph::Service {
            name,
            before_all: node.before_all,
            dependencies: dependencies
                .iter()
                .map(|(name, kind)| Dependency { name, kind: *kind })
                .collect(),
        })
        .collect();
    graph::check(&entries)
}

/// `registry` is what to point at if it is empty.
pub(crate) fn tell(found: &Found, nodes: &[Node], registry: impl ToTokens) -> Error {
    let Found {
        place: Place { entry, dependency },
        problem,
    } = found;
    let place = nodes.get(*entry).and_then(|node| match dependency {
        Some(dependency) => node.dependencies.get(*dependency).map(|(name, _)| name),
        None => Some(&node.name),
    });
    match place {
        Some(place) => problem_at(place, problem, problem.help()),
        None => problem_at(registry, problem, problem.help()),
    }
}

/// `enum Entries { #[entry("api", "store", wants "cache")] Entry0, .. }`: a variant for each entry,
/// with its name and its dependencies. A base service is `#[entry(before "sdk")]`.
pub(crate) fn check(input: TokenStream) -> TokenStream {
    match parse_nodes(input) {
        Ok((registry, nodes)) => find_problems(&nodes)
            .iter()
            .map(|found| tell(found, &nodes, &registry).to_compile_error())
            .collect(),
        Err(error) => error.to_compile_error(),
    }
}

fn parse_nodes(input: TokenStream) -> Result<(Ident, Vec<Node>)> {
    let input: DeriveInput = syn::parse2(input)?;
    let variants = match input.data {
        Data::Enum(data) => data.variants,
        Data::Struct(_) | Data::Union(_) => Punctuated::new(),
    };
    let nodes = variants.iter().map(parse_node).collect::<Result<_>>()?;
    Ok((input.ident, nodes))
}

fn parse_node(variant: &Variant) -> Result<Node> {
    // The derive sees the `cfg` attributes that hold, too.
    let is_entry = |attribute: &&Attribute| attribute.path().is_ident("entry");
    match variant.attrs.iter().find(is_entry) {
        Some(attribute) => attribute.parse_args_with(parse_names),
        None => Err(Error::new_spanned(variant, "an entry without a name")),
    }
}

fn parse_names(input: ParseStream) -> Result<Node> {
    let before: Option<Ident> = input.parse()?;
    let name = input.parse()?;
    let mut dependencies = Vec::new();
    while !input.is_empty() {
        input.parse::<Token![,]>()?;
        let wants: Option<Ident> = input.parse()?;
        let kind = wants.map_or(DependencyKind::After, |_| DependencyKind::Wants);
        dependencies.push((input.parse()?, kind));
    }
    Ok(Node {
        name,
        before_all: before.is_some(),
        dependencies,
    })
}
