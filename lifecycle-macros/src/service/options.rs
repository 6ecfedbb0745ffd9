//! The arguments between the parentheses of `scheduled(..)`, `queue(..)` or `startup(..)` go in;
//! the options come out, each at most once, with their order in the source.

use std::collections::HashSet;

use quote::ToTokens;
use syn::{Error, Lit, LitStr, Result};

use crate::errors::{Errors, Order, problem_at};
use crate::syntax::{Argument, Form, NamedArgument, Value, literal};
use crate::value::choice::Choice;
use crate::words::{self, CRATE, CRON, INTERVAL, RETRY, SCHEDULED, SHAPES, SIZE, STARTUP};

use super::elsewhere::find_in_registry;

/// What an argument takes.
pub(crate) struct Grammar {
    pub(crate) owner: &'static str,
    /// All of its options.
    pub(crate) known: &'static [&'static str],
    pub(crate) needed: Needed,
    /// The options that take one of a few words, and those words.
    pub(crate) choices: &'static [(&'static str, &'static [Choice])],
    /// The whole argument as it should be written.
    pub(crate) example: &'static str,
    /// An option to propose, where nothing says which one is meant.
    pub(crate) option: &'static str,
}

pub(crate) enum Needed {
    OneOf(&'static [&'static str]),
    All(&'static [&'static str]),
}

pub(crate) struct Options<'a> {
    /// The order of the argument that the options belong to.
    pub(crate) order: Order,
    found: Vec<GivenOption<'a>>,
    /// There is an unknown argument, which may be meant for a missing option.
    pub(crate) unclear: bool,
}

#[derive(Clone, Copy)]
pub(crate) struct GivenOption<'a> {
    pub(crate) argument: &'a NamedArgument,
    order: Order,
}

impl<'a> Options<'a> {
    pub(crate) fn read(
        argument: &'a NamedArgument,
        grammar: &Grammar,
        errors: &mut Errors,
    ) -> Option<Self> {
        let arguments = match &argument.form {
            Form::List { arguments, .. } => arguments.as_slice(),
            Form::Word => &[],
            Form::Value(value) => {
                errors.push(refuse_value(value, argument, grammar));
                return None;
            }
        };
        let mut options = Self {
            order: errors.reserve(),
            found: Vec::new(),
            unclear: false,
        };
        let given: HashSet<String> = arguments
            .iter()
            .filter_map(|argument| match argument {
                Argument::Named(argument) => Some(argument.key.to_string()),
                _ => None,
            })
            .collect();
        for argument in arguments {
            let order = errors.reserve();
            if let Err(error) = options.take(argument, order, grammar, &given) {
                errors.push_at(order, error);
            }
        }
        Some(options)
    }

    fn take(
        &mut self,
        argument: &'a Argument,
        order: Order,
        grammar: &Grammar,
        given: &HashSet<String>,
    ) -> Result<()> {
        let error = match argument {
            Argument::Named(argument) if self.find(&argument.key.to_string()).is_some() => {
                let sentence = format_args!("`{}` is given twice", argument.key);
                return Err(problem_at(&argument.key, sentence, "remove one of the two"));
            }
            Argument::Named(argument)
                if grammar.known.iter().any(|known| argument.key == known) =>
            {
                self.found.push(GivenOption { argument, order });
                return Ok(());
            }
            Argument::Named(argument) => refuse_unknown(argument, grammar, given),
            Argument::Stray(value) => refuse_keyless(value, grammar),
            Argument::Unreadable(error) => error.clone(),
        };
        self.unclear = true;
        Err(error)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    pub(crate) fn find(&self, name: &str) -> Option<GivenOption<'a>> {
        self.found
            .iter()
            .find(|found| found.argument.key == name)
            .copied()
    }

    /// The later one of two options, if both are given.
    pub(crate) fn find_second(&self, one: &str, other: &str) -> Option<GivenOption<'a>> {
        let (one, other) = (self.find(one)?, self.find(other)?);
        Some(if one.order < other.order { other } else { one })
    }

    /// The given ones among these options, in source order.
    pub(crate) fn given(&self, names: &[&str]) -> Vec<GivenOption<'a>> {
        let is_one = |found: &&GivenOption<'a>| names.iter().any(|name| found.argument.key == name);
        let mut given: Vec<_> = self.found.iter().filter(is_one).copied().collect();
        given.sort_by_key(|found| found.order);
        given
    }

    /// Reads the option, if it is given, and reports the problem with it.
    pub(crate) fn value<T>(
        &self,
        name: &str,
        errors: &mut Errors,
        read: impl FnOnce(&'a NamedArgument) -> Result<T>,
    ) -> Option<T> {
        let found = self.find(name)?;
        let read = read(found.argument);
        read.map_err(|error| errors.push_at(found.order, error))
            .ok()
    }
}

impl GivenOption<'_> {
    pub(crate) fn report(self, errors: &mut Errors, error: Error) {
        errors.push_at(self.order, error);
    }
}

impl Grammar {
    /// The options that are needed and not given.
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

    /// The options that could be added: any that is not given, but no second schedule.
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

fn refuse_value(value: &Value, argument: &NamedArgument, grammar: &Grammar) -> Error {
    let name = grammar.owner;
    let shape = if SHAPES.contains(&name) {
        "the shape "
    } else {
        ""
    };
    problem_at(
        value.place(Some(&argument.key)),
        format_args!("{shape}`{name}` takes its arguments in parentheses"),
        format_args!("write `{}`", grammar.example),
    )
}

fn refuse_unknown(argument: &NamedArgument, grammar: &Grammar, given: &HashSet<String>) -> Error {
    let name = argument.key.to_string();
    if let Some((sentence, help)) = find_beside(&name, grammar) {
        return problem_at(&argument.key, sentence, help);
    }
    let missing = grammar.missing(given);
    let help = value_of_option(&name, grammar)
        .or_else(|| words::meant(&name, &grammar.free(given)))
        .or_else(|| words::instead(&name, &missing));
    problem_at(
        &argument.key,
        format_args!("unknown argument `{name}` of `{}`", grammar.owner),
        help.unwrap_or_else(|| "remove it".to_owned()),
    )
}

/// A sentence and a help for an argument that belongs beside these parentheses, or into
/// `registry!`.
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

/// For `immediate`, or `immediate = true`: a value that has lost its option.
fn value_of_option(name: &str, grammar: &Grammar) -> Option<String> {
    let mut options = grammar.choices.iter();
    let (option, _) = options.find(|(_, choices)| choices.iter().any(|word| word.text == name))?;
    Some(format!("write `{option} = {name}`"))
}

/// Refuses a value without a name: `scheduled("30s")`.
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
    problem_at(value.place(None), sentence, help)
}

/// No other text that an option takes has five words.
fn is_cron(text: &LitStr) -> bool {
    text.value().split_whitespace().count() >= 5
}
