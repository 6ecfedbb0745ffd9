//! `startup(..)` goes in; the waits between the attempts to start come out.
//!
//! The rules: it needs a `retry`, and a oneshot has no startup.

use syn::Ident;

use crate::errors::{Errors, problem_at};
use crate::syntax::NamedArgument;
use crate::value::range::{RETRY_EXAMPLE, WaitRange};
use crate::words::{ONESHOT, RETRY, STARTUP, STARTUP_OPTIONS};

use super::options::{Grammar, Needed, Options};

pub(crate) const STARTUP_GRAMMAR: Grammar = Grammar {
    owner: STARTUP,
    known: STARTUP_OPTIONS,
    needed: Needed::All(&[RETRY]),
    choices: &[],
    example: "startup(retry = \"100ms..10s\")",
    option: RETRY_EXAMPLE,
};

pub(crate) fn read_startup(
    argument: &NamedArgument,
    shape: Option<&Ident>,
    errors: &mut Errors,
) -> Option<WaitRange> {
    if shape.is_some_and(|shape| shape == ONESHOT) {
        let sentence = "a oneshot has no startup that could be tried again";
        errors.report(&argument.key, sentence, "remove it");
        return None;
    }
    let options = Options::read(argument, &STARTUP_GRAMMAR, errors)?;
    if options.find(RETRY).is_none() && !options.unclear {
        let help = format_args!("write `{}`", STARTUP_GRAMMAR.example);
        let error = problem_at(&argument.key, "`startup` has no argument", help);
        errors.push_at(options.order, error);
    }
    options.value(RETRY, errors, WaitRange::read)
}
