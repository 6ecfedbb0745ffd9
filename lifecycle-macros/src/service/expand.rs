//! A model goes in; the item and the impls that tie it to its shape come out. Nothing can go wrong
//! any more.
//!
//! The loops are the runtime's: what is generated are types, a constant and the interval.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::{Generics, LitStr, parse_quote_spanned};

use crate::crate_path::CratePath;
use crate::duration::expand_literal;

use super::interval::Interval;
use super::item::{Item, Type};
use super::model::{Model, Schedule, Shape};

pub(crate) fn expand(item: &Item, model: &Model<'_>) -> TokenStream {
    let (shape, service, hooks) = match &model.shape {
        Shape::Idle => ("IdleShape", "IdleService", "Idle"),
        Shape::Scheduled(_) => ("ScheduledShape", "ScheduledService", "Scheduled"),
        Shape::Worker => ("WorkerShape", "WorkerService", "Worker"),
        Shape::Oneshot => ("OneshotShape", "OneshotService", "Oneshot"),
    };
    let [service, hooks] = [service, hooks].map(|name| Ident::new(name, Span::mixed_site()));
    let members = match &model.shape {
        Shape::Scheduled(schedule) => expand_schedule(schedule),
        Shape::Idle | Shape::Worker | Shape::Oneshot => TokenStream::new(),
    };
    let declared = expand_declared(model.declared, shape);
    let ident = &model.declared.ident;
    let generics = require_hooks(model.declared, &hooks);
    let (parameters, arguments, bounds) = generics.split_for_impl();
    let block = expand_block(
        &model.library,
        &quote_spanned! {Span::mixed_site()=>
            #declared
            #[automatically_derived]
            impl #parameters __lifecycle::__private::#service for #ident #arguments #bounds {
                #members
            }
        },
    );
    let item = &item.tokens;
    quote!(#item #block)
}

/// Where the generated names disturb nobody. That a struct is deprecated, or that it uses a
/// lifetime but once, is told at the struct, and not again at its impls.
pub(crate) fn expand_block(library: &CratePath, impls: &TokenStream) -> TokenStream {
    let import = quote_spanned!(library.span()=> use #library as __lifecycle;);
    quote_spanned! {Span::mixed_site()=>
        #[allow(deprecated, single_use_lifetimes)]
        const _: () = {
            #import
            #impls
        };
    }
}

pub(crate) fn expand_declared(declared: &Type, shape: &str) -> TokenStream {
    let Type {
        ident, generics, ..
    } = declared;
    let (parameters, arguments, bounds) = generics.split_for_impl();
    let shape = Ident::new(shape, Span::mixed_site());
    quote_spanned! {Span::mixed_site()=>
        impl #parameters __lifecycle::__private::Declared for #ident #arguments #bounds {
            type Shape = __lifecycle::__private::#shape;
        }
    }
}

/// A generic struct is a service where it has its hooks. For any other the supertrait of the marker
/// says so too, and its error falls on the name of the struct.
fn require_hooks(declared: &Type, hooks: &Ident) -> Generics {
    let mut generics = declared.generics.clone();
    if generics.type_params().next().is_some() || generics.const_params().next().is_some() {
        let bound = parse_quote_spanned!(Span::mixed_site()=> Self: __lifecycle::#hooks);
        generics.make_where_clause().predicates.push(bound);
    }
    generics
}

fn expand_schedule(schedule: &Schedule) -> TokenStream {
    // At the key, for the label that says where a `Duration` is promised.
    let promised = Span::mixed_site().located_at(schedule.key.span());
    let duration = quote_spanned!(promised=> ::core::time::Duration);
    let (text, this, value) = match &schedule.interval {
        Interval::Fixed { text, length } => {
            let this = new_self(Span::mixed_site());
            (text.to_token_stream(), this, expand_literal(*length))
        }
        Interval::Field { text, path } => {
            let (this, field) = expand_field(text, path);
            let promised = quote_spanned!(promised=> &#duration);
            // By reference, for a field of another type gets no advice from rustc then, who would
            // write it into the literal.
            let value = quote_spanned! {Span::mixed_site()=>
                let __interval: #promised = #field;
                *__interval
            };
            (text.to_token_stream(), this, value)
        }
        Interval::Computed(value) => {
            let value = value.to_token_stream();
            // Without one it may still be in a string: `format!("{self}")`.
            let this = find_self(value.clone()).unwrap_or_else(|| new_self(Span::call_site()));
            (written(&value).to_token_stream(), this, value)
        }
    };
    quote_spanned! {Span::mixed_site()=>
        const INTERVAL: &'static ::core::primitive::str = #text;
        fn interval(&#this) -> #duration {
            #value
        }
    }
}

/// At the literal, for the caret, but resolved elsewhere, or rustc offers a field for the whole
/// literal.
fn expand_field(text: &LitStr, path: &[Ident]) -> (Ident, TokenStream) {
    let span = Span::mixed_site().located_at(text.span());
    let this = new_self(span);
    let fields = path.iter().map(|field| {
        let mut field = field.clone();
        field.set_span(span);
        field
    });
    let field = quote_spanned!(span=> &#this #(.#fields)*);
    (this, field)
}

/// As its author would write it, or nearly so: a path is printed with spaces in it.
fn written(value: &TokenStream) -> String {
    value.to_string().replace(" :: ", "::")
}

fn new_self(span: Span) -> Ident {
    Ident::new("self", span)
}

/// The user's own `self`: one of ours would be another variable to an expression that comes out of
/// a `macro_rules!`.
pub(crate) fn find_self(tokens: TokenStream) -> Option<Ident> {
    tokens.into_iter().find_map(|token| match token {
        TokenTree::Ident(ident) => (ident == "self").then_some(ident),
        TokenTree::Group(group) => find_self(group.stream()),
        TokenTree::Punct(_) | TokenTree::Literal(_) => None,
    })
}
