//! A model goes in; the block that assembles the registry comes out. Nothing can go wrong any more:
//! where there are problems, the block has the same shape without the parts they spoilt, and the
//! problems in front.

use lifecycle_rules::graph::Kind;
use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::Error;

use super::model::{Entry, Model};
use super::setting::{Dependency, Policy, Setting, SettingValue};

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
    // The library under one name, once: `$crate` among the user's tokens would widen every caret to
    // the whole call.
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

/// At the user's tokens, for the labels that say which call a wrong value is for. No name of
/// theirs: it is out of scope for them, and the underscores keep it apart from a constant, which a
/// pattern would mean instead.
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
        SettingValue::OnFailure(Policy::Shutdown) => quote!(__lifecycle::OnFailure::Shutdown),
        SettingValue::OnFailure(Policy::Ignore) => quote!(__lifecycle::OnFailure::Ignore),
    };
    quote!(.#key(#argument))
}

/// In a block of its own, where the enum hides no name from the values of the entries.
fn expand_check(entries: &[Entry]) -> TokenStream {
    let variants = entries.iter().enumerate().map(|(index, entry)| {
        let Entry {
            conditions, name, ..
        } = entry;
        let names = entry.dependencies().map(|Dependency { name, kind, .. }| {
            let word = (*kind == Kind::Wants).then(|| quote!(wants));
            quote!(#word #name)
        });
        let variant = format_ident!("Entry{index}");
        quote!(#(#conditions)* #[entry(#name #(, #names)*)] #variant)
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
