//! Any input expands to something.

use proptest::prelude::{prop_assert, proptest};
use quote::quote;

use crate::service::expand;
use crate::tests::expansion::any_tokens;

const WORDS: &[&str] = &[
    "idle",
    "scheduled",
    "queue",
    "worker",
    "startup",
    "crate",
    "interval",
    "delay",
    "first",
    "size",
    "retry",
    "on_panic",
    "max_failures",
    "immediate",
    "self",
    "cfg",
    "=",
    "=",
    "==",
    "=>",
    ":",
    "::",
    ",",
    ",",
    ".",
    "\"30s\"",
    "\"cfg.interval\"",
    "\"0.a\"",
    "\"\"",
    "30s",
    "1.5",
    "3",
    "continue",
    "\"1s..2s\"",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "<",
    "#",
    "'a",
    "&",
    "|",
    "struct",
    "r#type",
    "$",
    "!",
];

proptest! {
    /// Whatever is between the parentheses, the item comes out, and what comes out is Rust.
    #[test]
    fn no_arguments_panic(args in any_tokens(WORDS)) {
        let expansion = expand(args, quote!(struct Gc { cfg: Config }));
        let begins = expansion.to_string().starts_with("struct Gc");
        prop_assert!(begins);
        prop_assert!(syn::parse2::<syn::File>(expansion).is_ok());
    }

    #[test]
    fn no_item_panics(item in any_tokens(WORDS)) {
        let expansion = expand(quote!(idle), item);
        prop_assert!(!expansion.is_empty());
    }
}
