//! An expansion goes in; it is compared with a file, or its problems come out.

use std::fs;
use std::sync::LazyLock;

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

/// The same, and each sentence must have an entry in the guide, unless it is one of the parser's.
pub(crate) fn documented_problems(expansion: TokenStream) -> Vec<String> {
    let problems = problems(expansion);
    for problem in &problems {
        assert_has_entry(problem);
    }
    problems
}

fn assert_has_entry(problem: &str) {
    static HEADINGS: LazyLock<Vec<String>> = LazyLock::new(|| {
        let guide = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../lifecycle/docs/troubleshooting.md"
        );
        // The published crate comes without the guide.
        let guide = fs::read_to_string(guide).unwrap_or_default();
        let headings = guide.lines().filter_map(|line| line.strip_prefix("### "));
        headings.map(str::to_owned).collect()
    });
    let sentence = problem.split(" | ").next().unwrap_or_default();
    let is_parsed = ["expected ", "unexpected "]
        .iter()
        .any(|begin| sentence.starts_with(begin));
    let has_entry = HEADINGS.iter().any(|heading| says(heading, sentence));
    assert!(
        has_entry || is_parsed || HEADINGS.is_empty(),
        "no entry in lifecycle/docs/troubleshooting.md: {sentence}"
    );
}

/// Whether the sentence is what the heading says, with something for each `..` in it.
fn says(heading: &str, sentence: &str) -> bool {
    let Some((begin, mut parts)) = heading.split_once("..") else {
        return heading == sentence;
    };
    let Some(mut rest) = sentence.strip_prefix(begin) else {
        return false;
    };
    while let Some((part, others)) = parts.split_once("..") {
        let Some((_, behind)) = rest.split_once(part) else {
            return false;
        };
        (rest, parts) = (behind, others);
    }
    rest.ends_with(parts)
}

/// Token streams of these words in any order, most of them nonsense.
pub(crate) fn any_tokens(words: &'static [&'static str]) -> impl Strategy<Value = TokenStream> {
    let words = prop::collection::vec(prop::sample::select(words), 0..16);
    words.prop_filter_map("not tokens", |words| words.join(" ").parse().ok())
}
