//! Any input expands to something.

use proptest::prelude::{prop_assert, proptest};

use crate::registry::{check, expand};
use crate::tests::expansion::any_tokens;

use super::expand_registry;

const WORDS: &[&str] = &[
    "\"a\"",
    "\"b\"",
    "\"A\"",
    "\"10s\"",
    "=>",
    "=>",
    "=",
    "=",
    "==",
    ":",
    ",",
    ",",
    ",",
    ";",
    ".",
    "after",
    "wants",
    "stop_timeout",
    "on_failure",
    "deadline",
    "restart",
    "ignore",
    "store",
    "self",
    "[\"a\"]",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "#",
    "#[cfg(a)]",
    "#[cfg(a)] \"c\" => s ,",
    "1",
    "'x'",
    "&",
    "|",
    "<",
    "return",
    "\"d\" => s ,",
];

proptest! {
    /// Whatever is in the braces, what comes out is an expression.
    #[test]
    fn no_registry_panics(input in any_tokens(WORDS)) {
        let expansion = expand_registry(&input);
        prop_assert!(syn::parse2::<syn::Expr>(expansion).is_ok());
    }

    #[test]
    fn no_input_panics(input in any_tokens(WORDS)) {
        prop_assert!(!expand(input.clone()).is_empty());
        drop(check(input));
    }
}
