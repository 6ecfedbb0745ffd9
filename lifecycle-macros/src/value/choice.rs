//! The value of an option that is one of a few words goes in; which of them it is comes out.

use lifecycle_rules::suggest;
use quote::ToTokens;
use syn::Result;

use crate::errors::problem_at;
use crate::syntax::{NamedArgument, literal, word_of};

/// A choice of the user's, and the variant of the runtime's enum that it stands for.
#[derive(Clone, Copy)]
pub(crate) struct Choice {
    pub(crate) text: &'static str,
    pub(crate) variant: &'static str,
}

impl Choice {
    pub(crate) const fn new(text: &'static str, variant: &'static str) -> Self {
        Self { text, variant }
    }

    pub(crate) fn read(argument: &NamedArgument, choices: &'static [Self]) -> Result<Self> {
        let name = &argument.key;
        let known: Vec<&str> = choices.iter().map(|choice| choice.text).collect();
        let first = known.first().copied().unwrap_or_default();
        let value = argument.value(&format!("{name} = {first}"))?;
        let typed = word_of(value);
        let choice = choices.iter().find(|choice| choice.text == typed);
        let bare = value.to_token_stream().to_string();
        let shown = match literal(value) {
            Some(_) => typed.clone(),
            None => bare.replace(" :: ", "::"),
        };
        match (choice, literal(value)) {
            (Some(_), Some(_)) => Err(problem_at(
                value,
                format_args!("the value `{typed}` of `{name}` is in quotes"),
                format_args!("write `{name} = {typed}`"),
            )),
            (Some(choice), None) if bare == typed => Ok(*choice),
            _ => Err(problem_at(
                value,
                format_args!("unknown value `{}` of `{name}`", shown.escape_debug()),
                suggest::instead(&typed, &known).unwrap_or_default(),
            )),
        }
    }
}
