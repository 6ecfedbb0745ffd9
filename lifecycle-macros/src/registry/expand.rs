//! A model and the problems that were found go in; the block that assembles the registry comes out.
//! Nothing can fail here: the model is without the broken parts, and the problems stand in front of
//! the calls.

use lifecycle_rules::graph::DependencyKind;
use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::Error;

use super::model::{Entry, Model};
use super::policy::{Policy, RestartOption, RestartValue};
use super::setting::{Dependency, Setting, SettingValue};
use crate::value::count::expand_count;
use crate::value::duration::expand_literal;
use crate::value::range::WaitRange;

pub(crate) fn expand(model: &Model, errors: &[Error]) -> TokenStream {
    let library = &model.library;
    let check = model.check_later.then(|| expand_check(&model.entries));
    let errors = errors.iter().map(Error::to_compile_error);
    let settings = model.settings.iter().map(|setting| {
        let registry = registry(setting.key.span());
        let call = expand_setting(setting);
        quote!(#registry #call;)
    });
    let entries = model.entries.iter().filter_map(expand_entry);
    let leftovers = model
        .leftovers
        .iter()
        .map(|value| quote!(match (#value) { _ => {} }));
    let registry = registry(Span::call_site());
    // Import the library once: `$crate` next to the user's tokens would widen every caret to the
    // whole macro call.
    quote_spanned! {Span::mixed_site()=>
        {
            use #library as __lifecycle;
            #check
            #(#errors)*
            let mut #registry = __lifecycle::__private::assembly();
            #(#settings)*
            #(#entries)*
            #(#leftovers)*
            #registry.finish()
        }
    }
}

/// The variable that holds the registry. It has the span of the user's tokens, where rustc's labels
/// say which call a wrong value is for, but mixed-site hygiene, so that the user's expressions
/// can't name it. A constant of the same name would be matched in place of the `let`; the
/// underscores make one unlikely.
fn registry(place: Span) -> Ident {
    Ident::new("__registry", Span::mixed_site().located_at(place))
}

fn expand_entry(entry: &Entry) -> Option<TokenStream> {
    let Entry {
        conditions,
        name,
        value,
        settings,
        ..
    } = entry;
    let value = value.as_ref()?;
    let registry = registry(name.span());
    let service = Ident::new("service", registry.span());
    let settings = settings.iter().map(expand_setting);
    Some(quote!(#(#conditions)* #registry.#service(#name, #value) #(#settings)*;))
}

fn expand_setting(setting: &Setting) -> TokenStream {
    let key = &setting.key;
    let argument = match &setting.value {
        SettingValue::Length(length) => length.to_token_stream(),
        SettingValue::Dependencies(dependencies) => {
            let names = dependencies.iter().map(|dependency| &dependency.name);
            quote!(&[#(#names),*])
        }
        SettingValue::BeforeAll => {
            let method = Ident::new("before_all", key.span());
            return quote!(.#method());
        }
        SettingValue::OneReplica(_) => {
            let method = Ident::new("one_replica", key.span());
            return quote!(.#method());
        }
        SettingValue::Leases(store) => store.to_token_stream(),
        SettingValue::OnLate(policy) => {
            let policy = Ident::new(policy.variant, key.span());
            quote!(__lifecycle::OnLate::#policy)
        }
        SettingValue::RestartWith(names) => {
            let names = names.iter().map(|name| &name.text);
            quote!(&[#(#names),*])
        }
        SettingValue::Value(value) => value.to_token_stream(),
        SettingValue::OnFailure(Policy::Shutdown) => quote!(__lifecycle::OnFailure::Shutdown),
        SettingValue::OnHangup(choice) => {
            let variant = Ident::new(choice.variant, Span::mixed_site());
            quote!(__lifecycle::OnHangup::#variant)
        }
        SettingValue::OnFailure(Policy::Ignore) => quote!(__lifecycle::OnFailure::Ignore),
        SettingValue::OnFailure(Policy::Restart(options)) => {
            let options = options.iter().map(expand_restart_option);
            quote!(__lifecycle::OnFailure::Restart(__lifecycle::Restart::new() #(#options)*))
        }
    };
    quote!(.#key(#argument))
}

fn expand_restart_option(RestartOption { key, value }: &RestartOption) -> TokenStream {
    match value {
        RestartValue::Backoff(WaitRange { from, up_to }) => {
            let [from, up_to] = [from, up_to].map(|length| expand_literal(*length));
            quote!(.#key(#from, #up_to))
        }
        RestartValue::Max(count) => {
            let count = expand_count(*count);
            quote!(.#key(#count))
        }
        RestartValue::Forever => {
            let method = Ident::new("forever", key.span());
            quote!(.#method())
        }
        RestartValue::Reset(length) => quote!(.#key(#length)),
        RestartValue::Then(then) => {
            let then = Ident::new(then.variant, key.span());
            quote!(.#key(__lifecycle::Then::#then))
        }
    }
}

/// In a block of its own, so that the enum shadows no name in the values of the entries.
fn expand_check(entries: &[Entry]) -> TokenStream {
    let variants = entries.iter().enumerate().map(|(index, entry)| {
        let Entry {
            conditions, name, ..
        } = entry;
        let names = entry.dependencies().map(|Dependency { name, kind, .. }| {
            let word = (*kind == DependencyKind::Wants).then(|| quote!(wants));
            quote!(#word #name)
        });
        let base = entry.is_before_all().then(|| quote!(before));
        let variant = format_ident!("Entry{index}");
        quote!(#(#conditions)* #[entry(#base #name #(, #names)*)] #variant)
    });
    quote_spanned! {Span::mixed_site()=>
        const _: () = {
            #[derive(__lifecycle::__private::RegistryCheck)]
            #[allow(dead_code)]
            enum Entries {
                #(#variants,)*
            }
        };
    }
}
