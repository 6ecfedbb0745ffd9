//! The value of an option that is one of a few words goes in; the word comes out.

use lifecycle_rules::suggest;
use quote::ToTokens;
use syn::Result;

use crate::errors::mistake;
use crate::syntax::{Part, word_of};
use crate::value::duration::literal;

/// A word of the user's, and the variant of the runtime's enum that it stands for.
#[derive(Clone, Copy)]
pub(crate) struct Word {
    pub(crate) text: &'static str,
    pub(crate) variant: &'static str,
}

impl Word {
    pub(crate) const fn new(text: &'static str, variant: &'static str) -> Self {
        Self { text, variant }
    }

    pub(crate) fn read(part: &Part, words: &'static [Self]) -> Result<Self> {
        let name = &part.key;
        let known: Vec<&str> = words.iter().map(|word| word.text).collect();
        let first = known.first().copied().unwrap_or_default();
        let value = part.value(&format!("{name} = {first}"))?;
        let typed = word_of(value);
        let word = words.iter().find(|word| word.text == typed);
        let bare = value.to_token_stream().to_string();
        let shown = match literal(value) {
            Some(_) => typed.clone(),
            None => bare.replace(" :: ", "::"),
        };
        match (word, literal(value)) {
            (Some(_), Some(_)) => Err(mistake(
                value,
                format_args!("the value `{typed}` of `{name}` is in quotes"),
                format_args!("write `{name} = {typed}`"),
            )),
            (Some(word), None) if bare == typed => Ok(*word),
            _ => Err(mistake(
                value,
                format_args!("unknown value `{}` of `{name}`", shown.escape_debug()),
                suggest::instead(&typed, &known).unwrap_or_default(),
            )),
        }
    }
}
