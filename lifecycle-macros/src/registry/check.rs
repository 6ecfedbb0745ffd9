//! Names and dependencies, as tokens, go in; what the shared rules have against them comes out, at
//! those tokens.
//!
//! The derive at the end does it for entries behind a `cfg`: a derive sees what `cfg` has left, a
//! macro call does not.

use lifecycle_rules::graph::{self, Dependency, Found, Kind, Place};
use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::parse::ParseStream;
use syn::punctuated::Punctuated;
use syn::{Attribute, Data, DeriveInput, Error, Ident, LitInt, LitStr, Result, Token, Variant};

use crate::errors::problem_at;

pub(crate) struct Node {
    pub(crate) name: LitStr,
    pub(crate) dependencies: Vec<(LitStr, Kind)>,
}

pub(crate) fn find_problems(nodes: &[Node]) -> Vec<Found> {
    let value = |(name, kind): &(LitStr, Kind)| (name.value(), *kind);
    let texts: Vec<(String, Vec<(String, Kind)>)> = nodes
        .iter()
        .map(|node| {
            let dependencies = node.dependencies.iter().map(value);
            (node.name.value(), dependencies.collect())
        })
        .collect();
    let entries: Vec<graph::Entry<'_>> = texts
        .iter()
        .map(|(name, dependencies)| graph::Entry {
            name,
            dependencies: dependencies
                .iter()
                .map(|(name, kind)| Dependency { name, kind: *kind })
                .collect(),
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
        Some(dependency) => node.dependencies.get(*dependency).map(|(name, _)| name),
        None => Some(&node.name),
    });
    match place {
        Some(place) => problem_at(place, problem, problem.help()),
        None => problem_at(registry, problem, problem.help()),
    }
}

/// `enum Entries { #[entry("api", "store", wants "cache")] E0, .. }`: a variant for each entry, its name
/// and its dependencies. Where the macro has found problems itself, they come with `#[problem_at(place, ..)]` on
/// the enum, and the names with `#[places(..)]`: all are told in the order of the source.
pub(crate) fn check(input: TokenStream) -> TokenStream {
    match parse_nodes(input) {
        Ok(checked) => checked.tell(),
        Err(error) => error.to_compile_error(),
    }
}

struct Checked {
    registry: Ident,
    nodes: Vec<Node>,
    /// Of each node: of its name, and of its dependencies. Nothing where no problem was known.
    places: Vec<Vec<usize>>,
    /// The place, and what tells the problem.
    problems: Vec<(usize, TokenStream)>,
}

impl Checked {
    fn tell(mut self) -> TokenStream {
        for found in find_problems(&self.nodes) {
            let error = tell(&found, &self.nodes, &self.registry).to_compile_error();
            let Place { entry, dependency } = found.place;
            let place = dependency.map_or(0, |dependency| dependency + 1);
            let place = self.places.get(entry).and_then(|places| places.get(place));
            self.problems
                .push((place.copied().unwrap_or_default(), error));
        }
        self.problems.sort_by_key(|(place, _)| *place);
        self.problems.into_iter().map(|(_, error)| error).collect()
    }
}

fn parse_nodes(input: TokenStream) -> Result<Checked> {
    let input: DeriveInput = syn::parse2(input)?;
    let mut checked = Checked {
        registry: input.ident,
        nodes: Vec::new(),
        places: Vec::new(),
        problems: Vec::new(),
    };
    let variants = match input.data {
        Data::Enum(data) => data.variants,
        Data::Struct(_) | Data::Union(_) => Punctuated::new(),
    };
    for variant in &variants {
        checked.nodes.push(parse_node(variant)?);
        checked.places.push(parse_places(variant)?);
    }
    for attribute in with_name(&input.attrs, "mistake") {
        checked
            .problems
            .push(attribute.parse_args_with(parse_mistake)?);
    }
    Ok(checked)
}

fn parse_node(variant: &Variant) -> Result<Node> {
    // A `cfg` that holds is there as well.
    match with_name(&variant.attrs, "entry").next() {
        Some(attribute) => attribute.parse_args_with(parse_names),
        None => Err(Error::new_spanned(variant, "an entry without a name")),
    }
}

fn parse_names(input: ParseStream) -> Result<Node> {
    let name = input.parse()?;
    let mut dependencies = Vec::new();
    while !input.is_empty() {
        input.parse::<Token![,]>()?;
        let wants: Option<Ident> = input.parse()?;
        let kind = wants.map_or(Kind::After, |_| Kind::Wants);
        dependencies.push((input.parse()?, kind));
    }
    Ok(Node { name, dependencies })
}

fn parse_places(variant: &Variant) -> Result<Vec<usize>> {
    let mut places = Vec::new();
    for attribute in with_name(&variant.attrs, "places") {
        let list = attribute.parse_args_with(Punctuated::<LitInt, Token![,]>::parse_terminated)?;
        for place in list {
            places.push(place.base10_parse()?);
        }
    }
    Ok(places)
}

fn parse_mistake(input: ParseStream) -> Result<(usize, TokenStream)> {
    let place: LitInt = input.parse()?;
    input.parse::<Token![,]>()?;
    Ok((place.base10_parse()?, input.parse()?))
}

fn with_name<'a>(
    attributes: &'a [Attribute],
    name: &'a str,
) -> impl Iterator<Item = &'a Attribute> {
    attributes
        .iter()
        .filter(move |attribute| attribute.path().is_ident(name))
}
