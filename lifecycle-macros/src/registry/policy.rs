//! The value of `on_failure` goes in; a policy comes out, or problems.
//!
//! The rules of `restart(..)`: each option is given at most once, and says something. Its values are checked as
//! they are read: waits above zero and in order, at least one restart, a time above zero.

use lifecycle_rules::suggest;
use proc_macro2::{Delimiter, Group, Ident, TokenTree};
use quote::ToTokens;
use syn::{Error, Expr, ExprCall, Lit, Result};

use crate::errors::{Errors, problem_at};
use crate::syntax::{
    Argument, Form, NamedArgument, Value, literal, parse_list, ungrouped, word_of,
};
use crate::value::choice::Choice;
use crate::value::count::parse_count;
use crate::value::duration::{DurationValue, Zero, parse_length};
use crate::value::range::WaitRange;
use crate::words::{self, BACKOFF, MAX, RESET, RESTART, RESTART_OPTIONS, THEN};

pub(crate) enum Policy {
    Shutdown,
    Ignore,
    /// With the options that are given, in source order.
    Restart(Vec<RestartOption>),
}

pub(crate) struct RestartOption {
    /// The user's own token: an editor shows the documentation of the method there.
    pub(crate) key: Ident,
    pub(crate) value: RestartValue,
}

pub(crate) enum RestartValue {
    Backoff(WaitRange),
    Max(u32),
    Forever,
    Reset(DurationValue),
    Then(Choice),
}

const SHUTDOWN: &str = "shutdown";
const IGNORE: &str = "ignore";
const FOREVER: &str = "forever";

const POLICIES: [&str; 3] = [SHUTDOWN, IGNORE, RESTART];
const THENS: &[Choice] = &[
    Choice::new(SHUTDOWN, "Shutdown"),
    Choice::new(IGNORE, "Ignore"),
];

/// How many restarts the examples have.
const RESTARTS: u32 = 10;

pub(crate) fn read_policy(argument: &NamedArgument, errors: &mut Errors) -> Option<Policy> {
    if let Some(options) = misgrouped_options(argument) {
        let help =
            format_args!("write `{RESTART}(..)`, with each option as in `{MAX} = {RESTARTS}`");
        let sentence = format_args!("the options of `{RESTART}` are not in parentheses");
        errors.report(&options, sentence, help);
        return None;
    }
    let value = errors.handle(argument.value("on_failure = ignore"))?;
    match ungrouped(value) {
        Expr::Path(path) if path.path.is_ident(SHUTDOWN) => Some(Policy::Shutdown),
        Expr::Path(path) if path.path.is_ident(IGNORE) => Some(Policy::Ignore),
        Expr::Path(path) if path.path.is_ident(RESTART) => Some(Policy::Restart(Vec::new())),
        Expr::Call(call) if is_restart(call) => read_restart(call, errors).map(Policy::Restart),
        _ => {
            errors.push(unknown_error(value));
            None
        }
    }
}

/// The options of `restart { .. }` and `restart[..]`, which are no expressions of Rust's.
fn misgrouped_options(argument: &NamedArgument) -> Option<Group> {
    let Form::Value(value) = &argument.form else {
        return None;
    };
    let mut tokens = value.place(None).into_iter();
    match (tokens.next()?, tokens.next()?, tokens.next()) {
        (TokenTree::Ident(word), TokenTree::Group(options), None)
            if word == RESTART && options.delimiter() != Delimiter::Parenthesis =>
        {
            Some(options)
        }
        _ => None,
    }
}

fn is_restart(call: &ExprCall) -> bool {
    matches!(&*call.func, Expr::Path(path) if path.path.is_ident(RESTART))
}

fn unknown_error(value: &Expr) -> Error {
    let word = word_of(value);
    if literal(value).is_some() && POLICIES.contains(&word.as_str()) {
        let help = format_args!("write `on_failure = {word}`");
        return problem_at(
            value,
            format_args!("the policy `{word}` is in quotes"),
            help,
        );
    }
    // `shutdown(..)` has the right word, and something behind it.
    if POLICIES.contains(&word.as_str()) {
        let help = format_args!("write `on_failure = {word}`");
        return problem_at(
            value,
            format_args!("the policy `{word}` has no options"),
            help,
        );
    }
    let help = suggest::instead(&word, &POLICIES).unwrap_or_default();
    problem_at(value, format_args!("unknown policy `{word}`"), help)
}

fn read_restart(call: &ExprCall, errors: &mut Errors) -> Option<Vec<RestartOption>> {
    let mut options: Vec<RestartOption> = Vec::new();
    let mut given: Vec<String> = Vec::new();
    let ((), failed) = errors.scope(|errors| {
        for argument in &parse_list(call.args.to_token_stream()) {
            match argument {
                Argument::Named(argument) if given.iter().any(|key| argument.key == key) => {
                    let sentence = format_args!("`{}` is given twice", argument.key);
                    errors.report(&argument.key, sentence, "remove one of the two");
                }
                Argument::Named(argument) => {
                    given.push(argument.key.to_string());
                    options.extend(errors.handle(read_option(argument)));
                }
                Argument::Stray(value) => errors.push(refuse_keyless(value)),
                Argument::Unreadable(error) => errors.push(error.clone()),
            }
        }
    });
    (!failed).then_some(options)
}

fn read_option(argument: &NamedArgument) -> Result<RestartOption> {
    let key = argument.key.to_string();
    let value = match key.as_str() {
        BACKOFF => RestartValue::Backoff(WaitRange::read(argument)?),
        MAX => read_max(argument)?,
        RESET => {
            let value = argument.value("reset = \"1m\"")?;
            RestartValue::Reset(parse_length(value, RESET, Zero::Refused)?)
        }
        THEN => RestartValue::Then(Choice::read(argument, THENS)?),
        _ => return Err(refuse_unknown(argument)),
    };
    Ok(RestartOption {
        key: argument.key.clone(),
        value,
    })
}

fn read_max(argument: &NamedArgument) -> Result<RestartValue> {
    let value = argument.value(&format!("{MAX} = {RESTARTS}"))?;
    let word = word_of(value);
    if let Expr::Path(path) = ungrouped(value) {
        if path.path.is_ident(FOREVER) {
            return Ok(RestartValue::Forever);
        }
        if let Some(word) = suggest::nearest(&word, &[FOREVER]) {
            let sentence = format_args!("unknown value `{}` of `{MAX}`", path.to_token_stream());
            let help = format_args!("did you mean `{word}`?");
            return Err(problem_at(value, sentence, help));
        }
    }
    if literal(value).is_some() && word == FOREVER {
        let sentence = format_args!("the value `{word}` of `{MAX}` is in quotes");
        return Err(problem_at(
            value,
            sentence,
            format_args!("write `{MAX} = {word}`"),
        ));
    }
    parse_count(value, MAX, RESTARTS).map(RestartValue::Max)
}

/// `forever` and `ignore` are values that have lost their option.
fn refuse_unknown(argument: &NamedArgument) -> Error {
    let name = argument.key.to_string();
    let help = match (name.as_str(), &argument.form) {
        (FOREVER, _) => Some(format!("write `{MAX} = {FOREVER}`")),
        (SHUTDOWN | IGNORE, _) => Some(format!("write `{THEN} = {name}`")),
        _ => words::instead(&name, &RESTART_OPTIONS),
    };
    problem_at(
        &argument.key,
        format_args!("unknown argument `{name}` of `{RESTART}`"),
        help.unwrap_or_else(|| "remove it".to_owned()),
    )
}

/// Refuses a value without a name: `restart(3)`.
fn refuse_keyless(value: &Value) -> Error {
    let written = value.leftover().and_then(literal);
    let help = match written {
        Some(Lit::Int(count)) => format!("write `{MAX} = {count}`"),
        Some(Lit::Str(text)) if text.value().contains("..") => {
            format!("write `{BACKOFF} = {}`", text.token())
        }
        _ => format!(
            "write one of `{}`, each with its value",
            RESTART_OPTIONS.join("`, `")
        ),
    };
    let sentence = format_args!("the argument of `{RESTART}` has no name");
    problem_at(value.place(None), sentence, help)
}

/// Refuses `restart(..)` where a setting goes.
pub(crate) fn restart_error(argument: &NamedArgument) -> Error {
    let options = match &argument.form {
        Form::List { group, .. } => group.to_string(),
        Form::Word | Form::Value(_) => String::new(),
    };
    let options = if options.len() < 60 { &options } else { "(..)" };
    problem_at(
        &argument.key,
        "`restart` is a policy, and no setting of its own",
        format_args!("write `on_failure = {RESTART}{options}`"),
    )
}
