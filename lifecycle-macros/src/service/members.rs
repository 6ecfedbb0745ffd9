//! What a shape is made of goes in; the constants and methods that tell the runtime come out. Only
//! what is written is told: the runtime knows the defaults.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::LitStr;

use crate::duration::expand_literal;

use super::args::{FIRST, INITIAL_DELAY, INTERVAL, JITTER, MISSED, ON_ERROR, SIZE, TICK_TIMEOUT};
use super::count::expand_count;
use super::expand::find_self;
use super::queue::Batches;
use super::reading::{Quantity, Reading, Source};
use super::retry::Retry;
use super::schedule::{Kind, Schedule};

/// What the method that reads an option returns.
#[derive(Clone, Copy)]
enum Returned {
    Value,
    /// `Some`, for an option that has no value by default.
    Some,
}

pub(crate) fn expand_schedule(schedule: &Schedule) -> TokenStream {
    let plan = expand_plan(schedule);
    let period = expand_reading(&schedule.period, "period", Returned::Value);
    let others = [
        (&schedule.initial_delay, INITIAL_DELAY, Returned::Some),
        (&schedule.jitter, JITTER, Returned::Value),
        (&schedule.tick_timeout, TICK_TIMEOUT, Returned::Some),
    ];
    let others = others
        .into_iter()
        .filter_map(|(reading, method, returned)| {
            let reading = reading.as_ref()?;
            Some(expand_reading(reading, method, returned))
        });
    quote_spanned! {Span::mixed_site()=>
        const PLAN: __lifecycle::Plan = #plan;
        #period
        #(#others)*
    }
}

fn expand_plan(schedule: &Schedule) -> TokenStream {
    let kind = mixed(match schedule.kind {
        Kind::Interval => "interval",
        Kind::Delay => "delay",
    });
    let written = schedule.period.written();
    let words = [
        (schedule.first, FIRST, "First"),
        (schedule.missed, MISSED, "Missed"),
        (schedule.on_error, ON_ERROR, "OnError"),
    ];
    let words = words.into_iter().filter_map(|(word, method, of)| {
        let [method, of, variant] = [method, of, word?.variant].map(mixed);
        let mode = quote_spanned!(Span::mixed_site()=> __lifecycle::#of::#variant);
        Some(quote_spanned!(Span::mixed_site()=> .#method(#mode)))
    });
    let failures = schedule.max_failures.map(|failures| {
        let failures = expand_count(failures);
        quote_spanned!(Span::mixed_site()=> .max_failures(#failures))
    });
    quote_spanned! {Span::mixed_site()=>
        __lifecycle::Plan::#kind(#written)
            #(#words)* #failures
    }
}

pub(crate) fn expand_batches(batches: &Batches) -> TokenStream {
    let retry = batches.retry.map(|retry| {
        let retry = expand_retry(retry);
        quote_spanned! {Span::mixed_site()=>
            const RETRY: __lifecycle::Retry = #retry;
        }
    });
    let attempts = batches.attempts.map(|attempts| {
        let attempts = expand_count(attempts);
        quote_spanned! {Span::mixed_site()=>
            const ATTEMPTS: ::core::primitive::u32 = #attempts;
        }
    });
    let written = batches.interval.written();
    let size = expand_reading(&batches.size, SIZE, Returned::Value);
    let interval = expand_reading(&batches.interval, INTERVAL, Returned::Value);
    quote_spanned! {Span::mixed_site()=>
        #retry
        #attempts
        const INTERVAL: &'static ::core::primitive::str = #written;
        #size
        #interval
    }
}

pub(crate) fn expand_retry(retry: Retry) -> TokenStream {
    let [from, up_to] = [retry.from, retry.up_to].map(expand_literal);
    quote_spanned!(Span::mixed_site()=> __lifecycle::Retry::new(#from, #up_to))
}

fn expand_reading(reading: &Reading, method: &str, returned: Returned) -> TokenStream {
    // At the key, for the label that says where a type is promised.
    let promised = Span::mixed_site().located_at(reading.key.span());
    let promise = match reading.quantity {
        Quantity::Duration => quote_spanned!(promised=> ::core::time::Duration),
        Quantity::Count => quote_spanned!(promised=> ::core::primitive::usize),
    };
    let local = mixed(&format!("__{}", reading.key));
    let (this, before, value) = match &reading.source {
        Source::Length { length, .. } => (mixed("self"), None, expand_literal(*length)),
        Source::Count(count) => (mixed("self"), None, expand_count(*count).to_token_stream()),
        Source::Field { text, path } => {
            let (this, field) = expand_field(text, path);
            let promised = quote_spanned!(promised=> &#promise);
            // By reference, for a field of another type gets no advice from rustc then, who would
            // write it into the literal.
            let before = quote_spanned!(Span::mixed_site()=> let #local: #promised = #field;);
            (
                this,
                Some(before),
                quote_spanned!(Span::mixed_site()=> *#local),
            )
        }
        Source::Computed(value) => {
            let value = value.to_token_stream();
            // Without one it may still be in a string: `format!("{self}")`.
            let this =
                find_self(value.clone()).unwrap_or_else(|| Ident::new("self", Span::call_site()));
            match returned {
                Returned::Value => (this, None, value),
                // In a statement, for the same label. The user's own braces, which nobody minds
                // around the body of a function, would be one too many there.
                Returned::Some => {
                    let before = quote_spanned! {Span::mixed_site()=>
                        #[allow(unused_braces, unused_parens)]
                        let #local: #promise = #value;
                    };
                    (this, Some(before), local.to_token_stream())
                }
            }
        }
    };
    let (result, value) = match returned {
        Returned::Value => (promise, value),
        Returned::Some => (
            quote_spanned!(Span::mixed_site()=> ::core::option::Option<#promise>),
            quote_spanned!(Span::mixed_site()=> ::core::option::Option::Some(#value)),
        ),
    };
    let method = mixed(method);
    quote_spanned! {Span::mixed_site()=>
        fn #method(&#this) -> #result {
            #before
            #value
        }
    }
}

/// At the literal, for the caret, but resolved elsewhere, or rustc offers a field for the whole
/// literal.
fn expand_field(text: &LitStr, path: &[Ident]) -> (Ident, TokenStream) {
    let span = Span::mixed_site().located_at(text.span());
    let this = Ident::new("self", span);
    let fields = path.iter().map(|field| {
        let mut field = field.clone();
        field.set_span(span);
        field
    });
    let field = quote_spanned!(span=> &#this #(.#fields)*);
    (this, field)
}

fn mixed(name: &str) -> Ident {
    Ident::new(name, Span::mixed_site())
}
