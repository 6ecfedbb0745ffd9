//! A model goes in; the item and the impls that tie it to its shape come out. Nothing can fail
//! here.
//!
//! Only types, constants and methods that read options are generated; the loops are in the runtime.

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
        Shape::Scheduled(schedule) => {
            let (shape, service) = match (&schedule.pace, &schedule.catch_up) {
                (Pace::Cron { .. }, None) => ("CronShape", "CronService"),
                (Pace::Cron { .. }, Some(_)) => ("CatchUpCronShape", "CronService"),
                (_, None) => ("ScheduledShape", "ScheduledService"),
                (_, Some(_)) => ("CatchUpShape", "ScheduledService"),
            };
            (shape, service, "Scheduled")
        }
        Shape::Queue(_) => ("QueueShape", "QueueService", "Queue"),
        Shape::Worker => ("WorkerShape", "WorkerService", "Worker"),
        Shape::Server => ("ServerShape", "ServerService", "Server"),
        Shape::Oneshot { .. } => ("OneshotShape", "OneshotService", "Oneshot"),
    };
    let [service, hooks] = [service, hooks].map(|name| Ident::new(name, Span::mixed_site()));
    let members = match &model.shape {
        Shape::Scheduled(schedule) => expand_schedule(schedule),
        Shape::Queue(batches) => expand_batches(batches),
        Shape::Oneshot { background: true } => {
            quote_spanned!(Span::mixed_site()=> const BACKGROUND: bool = true;)
        }
        Shape::Idle | Shape::Worker | Shape::Server | Shape::Oneshot { .. } => TokenStream::new(),
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

/// A block of its own, so that no generated name clashes with a user's.
///
/// The lints that are allowed in it would repeat what rustc says about the struct itself: that it
/// is deprecated, or uses a lifetime once. A lifetime that can only be `'static` keeps its name,
/// because the user's expressions may use it.
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

/// Adds the bound to a generic struct, which is a service where the bound holds. For any other
/// struct the supertraits of the generated impl ask for the same, and their error points at the
/// name of the struct.
///
/// Only `'static` values can be registered. With `Self: 'static` in the impls, hooks that are
/// implemented for `Named<'static>` alone are enough.
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
