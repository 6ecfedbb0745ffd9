//! The options of a shape go in; the constants and methods that hand them to the runtime come out.
//! Options that are not given are left out: the runtime knows the defaults.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Expr, LitStr};

use crate::syntax::find_self;
use crate::value::count::expand_count;
use crate::value::duration::expand_literal;
use crate::value::option::{OptionValue, Source};
use crate::value::quantity::Quantity;
use crate::value::range::WaitRange;
use crate::words::{
    CATCH_UP, CRON, FIRST, FLUSH_TIMEOUT, INITIAL_DELAY, INTERVAL, JITTER, MISSED, ON_ERROR,
    ON_PANIC, SIZE, TICK_TIMEOUT, TZ,
};

use super::queue::Batches;
use super::schedule::{Pace, Schedule};

/// How the method of an option returns its value.
#[derive(Clone, Copy)]
enum Returned {
    Value,
    /// In a `Some`, because the option has no value by default.
    Some,
}

pub(crate) fn expand_schedule(schedule: &Schedule) -> TokenStream {
    let plan = expand_plan(schedule);
    let pace = expand_pace(&schedule.pace);
    let others = [
        (&schedule.initial_delay, INITIAL_DELAY, Returned::Some),
        (&schedule.jitter, JITTER, Returned::Value),
        (&schedule.tick_timeout, TICK_TIMEOUT, Returned::Some),
        (&schedule.catch_up, CATCH_UP, Returned::Value),
    ];
    let others = others.into_iter().filter_map(|(option, method, returned)| {
        let option = option.as_ref()?;
        Some(expand_option(option, method, returned))
    });
    quote_spanned! {Span::mixed_site()=>
        const PLAN: __lifecycle::Plan = #plan;
        #pace
        #(#others)*
    }
}

fn expand_pace(pace: &Pace) -> TokenStream {
    let (cron, tz) = match pace {
        Pace::Interval(period) | Pace::Delay(period) => {
            return expand_option(period, "period", Returned::Value);
        }
        Pace::Cron { cron, tz } => (expand_option(cron, CRON, Returned::Value), tz),
    };
    let tz = tz.as_ref().map(|tz| {
        let (written, tz) = (tz.written(), expand_option(tz, TZ, Returned::Value));
        quote_spanned! {Span::mixed_site()=>
            const TZ: &'static ::core::primitive::str = #written;
            #tz
        }
    });
    quote_spanned!(Span::mixed_site()=> #cron #tz)
}

fn expand_plan(schedule: &Schedule) -> TokenStream {
    let (kind, pace) = match &schedule.pace {
        Pace::Interval(interval) => ("interval", interval),
        Pace::Delay(delay) => ("delay", delay),
        Pace::Cron { cron, .. } => ("cron", cron),
    };
    let (kind, written) = (mixed(kind), pace.written());
    let choices = [
        (schedule.first, FIRST, "First"),
        (schedule.missed, MISSED, "Missed"),
        (schedule.on_error, ON_ERROR, "OnError"),
        (schedule.on_panic, ON_PANIC, "OnPanic"),
    ];
    let choices = choices.into_iter().filter_map(|(choice, method, of)| {
        let [method, of, variant] = [method, of, choice?.variant].map(mixed);
        let mode = quote_spanned!(Span::mixed_site()=> __lifecycle::#of::#variant);
        Some(quote_spanned!(Span::mixed_site()=> .#method(#mode)))
    });
    let failures = schedule.max_failures.map(|failures| {
        let failures = expand_count(failures);
        quote_spanned!(Span::mixed_site()=> .max_failures(#failures))
    });
    quote_spanned! {Span::mixed_site()=>
        __lifecycle::Plan::#kind(#written)
            #(#choices)* #failures
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
    let choices = [
        (
            batches.attempts_used_up,
            "ATTEMPTS_USED_UP",
            "AttemptsUsedUp",
        ),
        (batches.overflow, "OVERFLOW", "Overflow"),
    ];
    let choices = choices.into_iter().filter_map(|(choice, name, of)| {
        let [name, of, variant] = [name, of, choice?.variant].map(mixed);
        Some(quote_spanned! {Span::mixed_site()=>
            const #name: __lifecycle::#of = __lifecycle::#of::#variant;
        })
    });
    let written = batches.interval.written();
    let size = expand_option(&batches.size, SIZE, Returned::Value);
    let interval = expand_option(&batches.interval, INTERVAL, Returned::Value);
    let flush_timeout = batches.flush_timeout.as_ref();
    let flush_timeout =
        flush_timeout.map(|option| expand_option(option, FLUSH_TIMEOUT, Returned::Some));
    quote_spanned! {Span::mixed_site()=>
        #retry
        #attempts
        #(#choices)*
        const INTERVAL: &'static ::core::primitive::str = #written;
        #size
        #interval
        #flush_timeout
    }
}

pub(crate) fn expand_retry(retry: WaitRange) -> TokenStream {
    let [from, up_to] = [retry.from, retry.up_to].map(expand_literal);
    quote_spanned!(Span::mixed_site()=> __lifecycle::Retry::new(#from, #up_to))
}

fn expand_option(option: &OptionValue, method: &str, returned: Returned) -> TokenStream {
    // At the key: rustc labels the type annotation there.
    let promised = Span::mixed_site().located_at(option.key.span());
    let promise = match option.quantity {
        Quantity::Duration => quote_spanned!(promised=> ::core::time::Duration),
        Quantity::Count => quote_spanned!(promised=> ::core::primitive::usize),
        Quantity::Cron | Quantity::Zone => quote_spanned!(promised=> __lifecycle::Written),
    };
    let (this, before, value) = match &option.source {
        Source::Length { length, .. } => (mixed("self"), None, expand_literal(*length)),
        Source::Count(count) => (mixed("self"), None, expand_count(*count).to_token_stream()),
        Source::Text(text) => {
            let text = quote_spanned!(Span::mixed_site()=> __lifecycle::Written::Borrowed(#text));
            (mixed("self"), None, text)
        }
        Source::Field { text, path } => {
            let (this, field) = expand_field(text, path);
            let (before, value) = match option.quantity {
                Quantity::Cron | Quantity::Zone => (None, expand_text(&field)),
                Quantity::Duration | Quantity::Count => {
                    let local = mixed(&format!("__{}", option.key));
                    let promised = quote_spanned!(promised=> &#promise);
                    // Annotate the type of a reference: if the field has another type, rustc then
                    // gives no advice, which would be to change the text in quotes.
                    let before =
                        quote_spanned!(Span::mixed_site()=> let #local: #promised = #field;);
                    (Some(before), quote_spanned!(Span::mixed_site()=> *#local))
                }
            };
            (this, before, value)
        }
        Source::Computed(value) => {
            let (before, expanded) = expand_computed(option, value, &promise, returned);
            (find_this(value), before, expanded)
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

fn expand_computed(
    option: &OptionValue,
    value: &Expr,
    promise: &TokenStream,
    returned: Returned,
) -> (Option<TokenStream>, TokenStream) {
    let value = guard(value);
    match (option.quantity, returned) {
        (Quantity::Cron | Quantity::Zone, _) => (None, expand_text(&borrow(value))),
        (_, Returned::Value) => (None, value),
        // In a statement, so that rustc labels the type annotation. Braces around the user's
        // expression are fine as the body of a function, but rustc would call them unused here.
        (_, Returned::Some) => {
            let local = mixed(&format!("__{}", option.key));
            let before = quote_spanned! {Span::mixed_site()=>
                #[allow(unused_braces, unused_parens)]
                let #local: #promise = #value;
            };
            (Some(before), local.to_token_stream())
        }
    }
}

/// In parentheses, if rustc would end a statement in the middle of the expression:
/// `match self.mode { .. } * 2`.
fn guard(value: &Expr) -> TokenStream {
    let mut first = value;
    let mut is_ended = false;
    loop {
        first = match first {
            Expr::Binary(binary) => &binary.left,
            Expr::Cast(cast) => &cast.expr,
            Expr::Index(index) => &index.expr,
            Expr::Call(call) => &call.func,
            Expr::Field(field) => &field.base,
            Expr::MethodCall(call) => &call.receiver,
            Expr::Try(tried) => &tried.expr,
            Expr::If(_) | Expr::Match(_) | Expr::Block(_) | Expr::Unsafe(_) | Expr::Loop(_) => {
                break;
            }
            _ => return value.to_token_stream(),
        };
        is_ended = true;
    }
    if is_ended {
        quote_spanned!(Span::mixed_site().located_at(value.span())=> (#value))
    } else {
        value.to_token_stream()
    }
}

/// Converts a cron expression, or the name of a zone, from any type that is text.
fn expand_text(reference: &TokenStream) -> TokenStream {
    quote_spanned!(Span::mixed_site()=> __lifecycle::text(#reference))
}

/// `&(value)` with the span of the value, so that the caret of an error covers the value.
fn borrow(value: TokenStream) -> TokenStream {
    let spans: Vec<Span> = value
        .clone()
        .into_iter()
        .map(|token| token.span())
        .collect();
    let first = spans.first().copied().unwrap_or_else(Span::mixed_site);
    let last = spans.last().copied().unwrap_or_else(Span::mixed_site);
    let mut group = Group::new(Delimiter::Parenthesis, value);
    group.set_span(Span::mixed_site().located_at(last));
    let borrow = quote_spanned!(Span::mixed_site().located_at(first)=> &);
    quote!(#borrow #group)
}

/// With the span of the literal, so that carets point at it, but with other hygiene: otherwise
/// rustc offers to replace the whole literal by the name of a field.
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

/// The `self` of an expression. If no token is one, it may still be in a text: `format!("{self}")`.
fn find_this(value: &Expr) -> Ident {
    find_self(value.to_token_stream()).unwrap_or_else(|| Ident::new("self", Span::call_site()))
}

fn mixed(name: &str) -> Ident {
    Ident::new(name, Span::mixed_site())
}
