//! Sound inputs are edited at random, several times and at any depth. No macro panics, and what
//! comes out is Rust.
//!
//! `PROPTEST_CASES=500000 cargo test --release -p lifecycle-macros robustness` tries half a million
//! inputs.

use proc_macro2::{Delimiter, Group, Ident, Punct, Spacing, Span, TokenStream, TokenTree};
use proptest::prelude::{any, prop_assert, proptest};
use quote::quote;

use crate::tests::expansion::problems;
use crate::{registry, service};

const ARGUMENTS: &[&str] = &[
    "idle, crate = ::lifecycle",
    "worker, startup(retry = \"100ms..10s\")",
    "server, startup(retry = \"100ms..10s\")",
    "oneshot, crate = framework::lifecycle",
    "scheduled(interval = \"cfg.gc.interval\", first = immediate, jitter = \"10%\")",
    "scheduled(delay = self.cfg.load().pause * 2, missed = skip, tick_timeout = \"5s\")",
    "scheduled(interval = \"cfg.every\", initial_delay = { self.0 }, on_error = continue, on_panic = continue, max_failures = 3)",
    "queue(size = self.size, interval = \"1h 30m\", retry = \"1s..2s\", attempts = 5, attempts_used_up = fail, overflow = wait, flush_timeout = \"cfg.limit\"), startup(retry = \"1s..2s\")",
];

const ITEMS: &[&str] = &[
    "struct Gc;",
    "pub struct Gc(Config, pub(crate) u8);",
    "/// Documented.\n#[derive(Debug)] pub(crate) struct Gc<'a, T: 'a + Clone = u8, const N: usize> where T: Copy { cfg: &'a T, #[cfg(a)] every: Duration }",
    "#[service(worker)] struct Gc { cfg: Config }",
    "enum Gc { A, B(u8) }",
    "pub const unsafe extern \"C\" fn gc() {}",
    "impl<T> Idle for Gc<T> {}",
];

const REGISTRIES: &[&str] = &[
    "\"a\" => a, \"b\" => B::new(a.clone())?, after = [\"a\"], stop_timeout = \"10s\"",
    "deadline = \"25s\", shutdown_delay = delay, \"a\" => a, on_failure = ignore, \"b\" => b, after = [\"a\", \"c\"], \"c\" => c, after = []",
    "#[cfg(a)] \"a\" => match x { 1 => y, _ => z }, start_timeout = x == y, #[cfg(not(a))] \"a\" => |c| d, \"b\" => async { 1 }.await",
    "store => store, 1 => x, format!(\"a\") => y, (\"a\", b), c(\"d\", e), for a in b { c }, # d",
    "\"a\" => a, after = [\"b\"], \"b\" => b, after = [\"c\"], \"c\" => c, after = [\"a\"], on_failure = restart(max = 3)",
];

const WORDS: &[&str] = &[
    "self",
    "a",
    "_",
    "r#type",
    "struct",
    "for",
    "idle",
    "scheduled",
    "interval",
    "after",
    "deadline",
    "shutdown_delay",
    "service",
    "crate",
    "retry",
    "cron",
    "\"a\"",
    "\"\"",
    "\"30s\"",
    "\"5 parsecs\"",
    "\"cfg..x\"",
    "\"self.a\"",
    "\"0.a\"",
    "\"é\"",
    "\"1s..\"",
    "b\"x\"",
    "'x'",
    "1",
    "1.5s",
    "0x",
    "0",
    "18446744073709551616",
    "true",
    "'a",
];
const SIGNS: &[char] = &[
    '=', '>', '<', ',', ';', ':', '.', '#', '!', '-', '|', '&', '$', '?', '@', '\'',
];
const DELIMITERS: [Delimiter; 4] = [
    Delimiter::Parenthesis,
    Delimiter::Bracket,
    Delimiter::Brace,
    Delimiter::None,
];

/// Random numbers from a seed, so that a failure can be repeated.
struct Draws(u64);

impl Draws {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % limit.max(1)
    }

    fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }

    /// One of the sound inputs, after up to eight edits.
    fn edited(&mut self, sound: &[&str]) -> TokenStream {
        let sound: TokenStream = self.one(sound).parse().expect("a sound input is tokens");
        let edits = self.below(9);
        (0..edits).fold(sound, |tokens, _| self.edit(tokens))
    }

    /// Edits something in the stream or, half of the time, in a group of it.
    fn edit(&mut self, tokens: TokenStream) -> TokenStream {
        let mut trees: Vec<TokenTree> = tokens.into_iter().collect();
        let place = self.below(trees.len());
        if let Some(TokenTree::Group(group)) = trees.get(place) {
            if self.below(2) == 0 {
                let inside = self.edit(group.stream());
                trees[place] = Group::new(group.delimiter(), inside).into();
                return trees.into_iter().collect();
            }
        }
        self.edit_at(place, &mut trees);
        trees.into_iter().collect()
    }

    fn edit_at(&mut self, place: usize, trees: &mut Vec<TokenTree>) {
        if trees.is_empty() {
            return trees.push(self.tree());
        }
        let other = self.below(trees.len());
        match self.below(7) {
            0 => drop(trees.remove(place)),
            1 => trees.insert(place, trees[other].clone()),
            2 => trees.swap(place, other),
            3 => trees[place] = self.tree(),
            4 => trees.insert(place, self.tree()),
            5 => trees.truncate(place),
            _ => {
                let inside = trees.drain(place.min(other)..=place.max(other)).collect();
                let delimiter = *self.one(&DELIMITERS);
                trees.insert(place.min(other), Group::new(delimiter, inside).into());
            }
        }
    }

    fn tree(&mut self) -> TokenTree {
        match self.below(8) {
            0..4 => {
                let word: TokenStream = self.one(WORDS).parse().unwrap_or_default();
                let first = word.into_iter().next();
                first.unwrap_or_else(|| Ident::new("x", Span::call_site()).into())
            }
            4..7 => {
                let spacing = *self.one(&[Spacing::Alone, Spacing::Joint]);
                Punct::new(*self.one(SIGNS), spacing).into()
            }
            _ => {
                let inside = (0..self.below(4)).map(|_| self.tree()).collect();
                Group::new(*self.one(&DELIMITERS), inside).into()
            }
        }
    }
}

/// Each problem is one sentence, most of them with a help.
fn are_told(expansion: TokenStream) -> bool {
    problems(expansion).iter().all(|told| !told.is_empty())
}

proptest! {
    #[test]
    fn no_arguments_are_too_odd(seed in any::<u64>()) {
        let args = Draws(seed).edited(ARGUMENTS);
        let expansion = service::expand(args.clone(), quote!(struct Gc { cfg: Config }));
        prop_assert!(expansion.to_string().starts_with("struct Gc"), "{args}");
        // An expression that does not parse in the body of a function is rustc's to report.
        let is_rust = syn::parse2::<syn::File>(expansion.clone()).is_ok();
        prop_assert!(is_rust || problems(expansion.clone()).is_empty(), "{args}\n{expansion}");
        prop_assert!(are_told(expansion), "{args}");
    }

    #[test]
    fn no_item_is_too_odd(seed in any::<u64>()) {
        let mut draws = Draws(seed);
        let item = draws.edited(ITEMS);
        let expansion = service::expand(draws.edited(ARGUMENTS), item.clone());
        prop_assert!(!expansion.is_empty(), "{item}");
        // An item stays an item.
        if syn::parse2::<syn::File>(item.clone()).is_ok() {
            let is_rust = syn::parse2::<syn::File>(expansion.clone()).is_ok();
            prop_assert!(is_rust || problems(expansion.clone()).is_empty(), "{item}\n{expansion}");
        }
    }

    #[test]
    fn no_registry_is_too_odd(seed in any::<u64>()) {
        let input = Draws(seed).edited(REGISTRIES);
        let expansion = registry::expand(quote!([::lifecycle] #input));
        prop_assert!(syn::parse2::<syn::Expr>(expansion.clone()).is_ok(), "{input}\n{expansion}");
        prop_assert!(are_told(expansion), "{input}");
    }
}
