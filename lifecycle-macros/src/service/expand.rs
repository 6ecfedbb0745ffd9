//! A model goes in; the item and the impls that tie it to its shape come out. Nothing can go wrong
//! any more.
//!
//! The loops are the runtime's: what is generated are types, constants and what the service is asked
//! for.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{Generics, WherePredicate, parse_quote_spanned};

use crate::value::crate_path::CratePath;

use super::item::{Item, Type};
use super::members::{expand_batches, expand_retry, expand_schedule};
use super::model::{Model, Shape};
use super::schedule::Pace;

pub(crate) fn expand(item: &Item, model: &Model<'_>) -> TokenStream {
    let (shape, service, hooks) = match &model.shape {
        Shape::Idle => ("IdleShape", "IdleService", "Idle"),
        Shape::Scheduled(schedule) => match schedule.pace {
            Pace::Cron { .. } => ("CronShape", "CronService", "Scheduled"),
            Pace::Interval(_) | Pace::Delay(_) => {
                ("ScheduledShape", "ScheduledService", "Scheduled")
            }
        },
        Shape::Queue(_) => ("QueueShape", "QueueService", "Queue"),
        Shape::Worker => ("WorkerShape", "WorkerService", "Worker"),
        Shape::Oneshot => ("OneshotShape", "OneshotService", "Oneshot"),
    };
    let [service, hooks] = [service, hooks].map(|name| Ident::new(name, Span::mixed_site()));
    let members = match &model.shape {
        Shape::Scheduled(schedule) => expand_schedule(schedule),
        Shape::Queue(batches) => expand_batches(batches),
        Shape::Idle | Shape::Worker | Shape::Oneshot => TokenStream::new(),
    };
    let retry = model.retry.map(|retry| {
        let retry = expand_retry(retry);
        quote_spanned! {Span::mixed_site()=>
            const RETRY: ::core::option::Option<__lifecycle::Retry> =
                ::core::option::Option::Some(#retry);
        }
    });
    let declared = expand_declared(model.declared, shape, retry.as_ref());
    let ident = &model.declared.ident;
    let hooks = parse_quote_spanned!(Span::mixed_site()=> Self: __lifecycle::#hooks);
    let generics = require(model.declared, hooks);
    let (parameters, arguments, bounds) = generics.split_for_impl();
    let block = expand_block(
        &model.library,
        model.declared,
        &quote_spanned! {Span::mixed_site()=>
            #declared
            #[automatically_derived]
            impl #parameters __lifecycle::#service for #ident #arguments #bounds {
                #members
            }
        },
    );
    let item = &item.tokens;
    quote!(#item #block)
}

/// Where the generated names disturb nobody. That a struct is deprecated, or that it uses a
/// lifetime but once, is told at the struct, and not again at its impls; that a lifetime of theirs
/// can only be `'static` is meant, and an expression of the user's may call it by its name.
pub(crate) fn expand_block(
    library: &CratePath,
    declared: &Type,
    impls: &TokenStream,
) -> TokenStream {
    let has_lifetimes = declared.generics.lifetimes().next().is_some();
    let redundant = has_lifetimes.then(|| quote!(redundant_lifetimes,));
    let import = quote_spanned!(library.span()=> use #library::__private as __lifecycle;);
    quote_spanned! {Span::mixed_site()=>
        #[allow(deprecated, #redundant single_use_lifetimes)]
        const _: () = {
            #import
            #impls
        };
    }
}

pub(crate) fn expand_declared(
    declared: &Type,
    shape: &str,
    retry: Option<&TokenStream>,
) -> TokenStream {
    let ident = &declared.ident;
    let threads = parse_quote_spanned!(Span::mixed_site()=> Self: ::core::marker::Send + ::core::marker::Sync);
    let generics = require(declared, threads);
    let (parameters, arguments, bounds) = generics.split_for_impl();
    let shape = Ident::new(shape, Span::mixed_site());
    quote_spanned! {Span::mixed_site()=>
        impl #parameters __lifecycle::Declared for #ident #arguments #bounds {
            type Shape = __lifecycle::#shape;
            #retry
        }
    }
}

/// A generic struct is a service where the bound holds. For any other the supertraits of the
/// generated impl say so too, and their error falls on the name of the struct.
///
/// Only what is `'static` can be registered, so the impls ask for no more: hooks that are written
/// for `Named<'static>` alone are enough.
fn require(declared: &Type, bound: WherePredicate) -> Generics {
    let mut generics = declared.generics.clone();
    let is_generic =
        generics.type_params().next().is_some() || generics.const_params().next().is_some();
    let here = Span::mixed_site();
    if generics.lifetimes().next().is_some() {
        let predicates = &mut generics.make_where_clause().predicates;
        predicates.push(parse_quote_spanned!(here=> Self: 'static));
    }
    if is_generic {
        generics.make_where_clause().predicates.push(bound);
    }
    generics
}
