//! What stands between the parentheses of an argument goes in; its options come out, each at most
//! once, with their places in the order of the source.

use std::collections::HashSet;

use quote::ToTokens;
use syn::{Error, Lit, LitStr, Result};

use crate::errors::{Errors, Order, mistake};
use crate::syntax::{Form, Part, Value, Written};
use crate::value::choice::Word;
use crate::value::duration::literal;
use crate::words::{self, CRATE, CRON, INTERVAL, RETRY, SCHEDULED, SHAPES, SIZE, STARTUP};

use super::elsewhere::find_in_registry;

/// What an argument takes.
pub(crate) struct Grammar {
    pub(crate) owner: &'static str,
    /// Every option that there is.
    pub(crate) known: &'static [&'static str],
    pub(crate) needed: Needed,
    /// The options that take one of a few words.
    pub(crate) words: &'static [(&'static str, &'static [Word])],
    /// The whole argument as it should be written.
    pub(crate) example: &'static str,
    /// The option to write where nothing else is known.
    pub(crate) option: &'static str,
}

pub(crate) enum Needed {
    OneOf(&'static [&'static str]),
    All(&'static [&'static str]),
}

pub(crate) struct Options<'a> {
    /// The place of what they belong to.
    pub(crate) order: Order,
    found: Vec<Found<'a>>,
    /// Something is there that may have been meant for an option that is missing.
    pub(crate) unclear: bool,
}

#[derive(Clone, Copy)]
pub(crate) struct Found<'a> {
    pub(crate) part: &'a Part,
    order: Order,
}

impl<'a> Options<'a> {
    pub(crate) fn read(part: &'a Part, grammar: &Grammar, errors: &mut Errors) -> Option<Self> {
        let parts = match &part.form {
            Form::List { parts, .. } => parts.as_slice(),
            Form::Word => &[],
            Form::Value(value) => {
                errors.push(refuse_value(value, part, grammar));
                return None;
            }
        };
        let mut options = Self {
            order: errors.reserve(),
            found: Vec::new(),
            unclear: false,
        };
        let given: HashSet<String> = parts
            .iter()
            .filter_map(|argument| match argument {
                Written::Part(part) => Some(part.key.to_string()),
                _ => None,
            })
            .collect();
        for argument in parts {
            let order = errors.reserve();
            if let Err(error) = options.take(argument, order, grammar, &given) {
                errors.push_at(order, error);
            }
        }
        Some(options)
    }

    fn take(
        &mut self,
        argument: &'a Written,
        order: Order,
        grammar: &Grammar,
        given: &HashSet<String>,
    ) -> Result<()> {
        let error = match argument {
            Written::Part(part) if self.find(&part.key.to_string()).is_some() => {
                let sentence = format_args!("`{}` is given twice", part.key);
                return Err(mistake(&part.key, sentence, "remove one of the two"));
            }
            Written::Part(part) if grammar.known.iter().any(|known| part.key == known) => {
                self.found.push(Found { part, order });
                return Ok(());
            }
            Written::Part(part) => refuse_unknown(part, grammar, given),
            Written::Stray(value) => refuse_keyless(value, grammar),
            Written::Unreadable(error) => error.clone(),
        };
        self.unclear = true;
        Err(error)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    pub(crate) fn find(&self, name: &str) -> Option<Found<'a>> {
        self.found
            .iter()
            .find(|found| found.part.key == name)
            .copied()
    }

    /// The later one of two options, where both are given.
    pub(crate) fn find_second(&self, one: &str, other: &str) -> Option<Found<'a>> {
        let (one, other) = (self.find(one)?, self.find(other)?);
        Some(if one.order < other.order { other } else { one })
    }

    /// Those of these options that are given, in their order.
    pub(crate) fn given(&self, names: &[&str]) -> Vec<Found<'a>> {
        let is_one = |found: &&Found<'a>| names.iter().any(|name| found.part.key == name);
        let mut given: Vec<_> = self.found.iter().filter(is_one).copied().collect();
        given.sort_by_key(|found| found.order);
        given
    }

    /// What the option says, if it is given and there is no mistake in it.
    pub(crate) fn value<T>(
        &self,
        name: &str,
        errors: &mut Errors,
        read: impl FnOnce(&'a Part) -> Result<T>,
    ) -> Option<T> {
        let found = self.find(name)?;
        let read = read(found.part);
        read.map_err(|error| errors.push_at(found.order, error))
            .ok()
    }
}

impl Found<'_> {
    pub(crate) fn report(self, errors: &mut Errors, error: Error) {
        errors.push_at(self.order, error);
    }
}

impl Grammar {
    /// The options that would have to be there as well.
    fn missing(&self, given: &HashSet<String>) -> Vec<&'static str> {
        let is_given = |name: &&str| given.contains(*name);
        match self.needed {
            Needed::OneOf(names) if names.iter().any(is_given) => Vec::new(),
            Needed::OneOf(names) => names.to_vec(),
            Needed::All(names) => {
                let missing = names.iter().filter(|name| !is_given(name));
                missing.copied().collect()
            }
        }
    }

    /// The options that could still be there: a schedule has no second one.
    fn free(&self, given: &HashSet<String>) -> Vec<&'static str> {
        let missing = self.missing(given);
        let is_choice = |name| matches!(self.needed, Needed::OneOf(names) if names.contains(name));
        let free = self
            .known
            .iter()
            .filter(|name| missing.contains(name) || !is_choice(name) && !given.contains(**name));
        free.copied().collect()
    }
}

fn refuse_value(value: &Value, part: &Part, grammar: &Grammar) -> Error {
    let name = grammar.owner;
    let shape = if SHAPES.contains(&name) {
        "the shape "
    } else {
        ""
    };
    mistake(
        value.place(Some(&part.key)),
        format_args!("{shape}`{name}` takes its arguments in parentheses"),
        format_args!("write `{}`", grammar.example),
    )
}

fn refuse_unknown(part: &Part, grammar: &Grammar, given: &HashSet<String>) -> Error {
    let name = part.key.to_string();
    if let Some((sentence, help)) = find_beside(&name, grammar) {
        return mistake(&part.key, sentence, help);
    }
    let missing = grammar.missing(given);
    let help = value_of_option(&name, grammar)
        .or_else(|| words::meant(&name, &grammar.free(given)))
        .or_else(|| words::instead(&name, &missing));
    mistake(
        &part.key,
        format_args!("unknown argument `{name}` of `{}`", grammar.owner),
        help.unwrap_or_else(|| "remove it".to_owned()),
    )
}

/// What belongs beside these parentheses, or somewhere else altogether.
fn find_beside(name: &str, grammar: &Grammar) -> Option<(String, String)> {
    let owner = grammar.owner;
    if name == RETRY && owner == SCHEDULED {
        let sentence = format!("`{name}` is no argument of `{owner}`");
        let help = "write it behind: `scheduled(..), startup(retry = ..)`".to_owned();
        return Some((sentence, help));
    }
    if name == STARTUP || name == CRATE {
        let sentence = format!("`{name}` is no argument of `{owner}`");
        let form = if name == CRATE { " = .." } else { "(..)" };
        let help = format!("write it behind: `{owner}(..), {name}{form}`");
        return Some((sentence, help));
    }
    find_in_registry(name)
}

/// `immediate`, or `immediate = true`: the value without its option.
fn value_of_option(name: &str, grammar: &Grammar) -> Option<String> {
    let mut options = grammar.words.iter();
    let (option, _) = options.find(|(_, words)| words.iter().any(|word| word.text == name))?;
    Some(format!("write `{option} = {name}`"))
}

/// A value that says how long, or how many, but not of what.
fn refuse_keyless(value: &Value, grammar: &Grammar) -> Error {
    let help = match value.leftover().and_then(literal) {
        Some(literal) => {
            let name = match (grammar.owner, literal) {
                (STARTUP, _) => RETRY,
                (_, Lit::Int(_)) if grammar.known.contains(&SIZE) => SIZE,
                (_, Lit::Str(text)) if grammar.known.contains(&CRON) && is_cron(text) => CRON,
                _ => INTERVAL,
            };
            format!("write `{name} = {}`", literal.to_token_stream())
        }
        None => format!("write `{}`", grammar.option),
    };
    let sentence = format_args!("the argument of `{}` has no name", grammar.owner);
    mistake(value.place(None), sentence, help)
}

/// Nothing else in quotes has so many words.
fn is_cron(text: &LitStr) -> bool {
    text.value().split_whitespace().count() >= 5
}
