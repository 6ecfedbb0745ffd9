//! What a macro expands to goes in; a test gets it as a file to compare, or as the problems it
//! tells.

use expect_test::ExpectFile;
use proc_macro2::{TokenStream, TokenTree};
use proptest::prelude::{Strategy, prop};
use quote::quote;
use syn::LitStr;

/// An expansion in item position, as rustfmt would have it.
pub(crate) fn check_items(expected: &ExpectFile, expansion: TokenStream) {
    let file = syn::parse2(expansion).expect("the expansion is a sequence of items");
    expected.assert_eq(&prettyplease::unparse(&file));
}

/// An expansion in expression position.
pub(crate) fn check_expression(expected: &ExpectFile, expansion: &TokenStream) {
    check_items(expected, quote!(fn main() { let registry = #expansion; }));
}

/// The sentences and helps of an expansion, in their order.
pub(crate) fn problems(expansion: TokenStream) -> Vec<String> {
    let mut problems = Vec::new();
    let mut is_message = false;
    for token in expansion {
        match token {
            TokenTree::Ident(ident) => is_message = ident == "compile_error",
            TokenTree::Group(group) if is_message => {
                let message: LitStr = syn::parse2(group.stream()).expect("one message");
                problems.push(message.value().replace("\nhelp: ", " | "));
                is_message = false;
            }
            TokenTree::Group(group) => problems.extend(self::problems(group.stream())),
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
    problems
}

/// Token streams of these words in any order, most of them nonsense.
pub(crate) fn any_tokens(words: &'static [&'static str]) -> impl Strategy<Value = TokenStream> {
    let words = prop::collection::vec(prop::sample::select(words), 0..16);
    words.prop_filter_map("not tokens", |words| words.join(" ").parse().ok())
}
