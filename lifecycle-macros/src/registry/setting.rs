//! A setting as it is written goes in; its value comes out, or problems. The setting expands to a
//! call of the method with the same name.

use lifecycle_rules::graph::DependencyKind;
use quote::ToTokens;
use syn::{Error, Expr, Ident, Lit, LitStr, Result};

use super::policy::{Policy, read_policy, restart_error};
use crate::errors::{Errors, Order, problem_at};
use crate::syntax::{NamedArgument, literal, ungrouped};
use crate::value::choice::Choice;
use crate::value::duration::{DurationValue, Zero, parse_length};
use crate::words::{
    self, AFTER, BEFORE, DEADLINE, LEASES, MEMORY, ON_FAILURE, ON_HANGUP, ON_LATE,
    REGISTRY_SETTINGS, REPLICAS, RESTART, RESTART_WITH, SERVICE_SETTINGS, SHUTDOWN_DELAY, WANTS,
    is_argument,
};

pub(crate) struct Setting {
    /// The user's own token: an editor shows the documentation of the method there.
    pub(crate) key: Ident,
    pub(crate) value: SettingValue,
}

pub(crate) enum SettingValue {
    Length(DurationValue),
    Dependencies(Vec<Dependency>),
    BeforeAll,
    OnFailure(Policy),
    OnLate(Choice),
    RestartWith(Vec<Name>),
    OnHangup(Choice),
    /// The store of the leases: any expression.
    Leases(Expr),
    /// `replicas = one`
    OneReplica(Order),
    /// Any expression.
    Value(Expr),
}

pub(crate) struct Dependency {
    pub(crate) name: LitStr,
    pub(crate) kind: DependencyKind,
    pub(crate) order: Order,
}

/// The name of a service in a list.
pub(crate) struct Name {
    pub(crate) text: LitStr,
    pub(crate) order: Order,
}

const LATE: &[Choice] = &[Choice::new("fail", "Fail"), Choice::new("ignore", "Ignore")];
const ONE: [Choice; 1] = [Choice::new("one", "One")];
const ALL: [Choice; 1] = [Choice::new("all", "All")];
const ON_HANGUPS: [Choice; 3] = [
    Choice::new("reload", "Reload"),
    Choice::new("stop", "Stop"),
    Choice::new("ignore", "Ignore"),
];

impl Setting {
    /// `None` if there is a problem, such as an unknown key, which is reported.
    pub(crate) fn new(
        argument: &NamedArgument,
        known: &[&str],
        errors: &mut Errors,
    ) -> Option<Self> {
        let key = argument.key.to_string();
        let value = match key.as_str() {
            _ if !known.contains(&key.as_str()) => {
                errors.push(unknown_error(argument, known));
                return None;
            }
            AFTER => read_dependencies(argument, DependencyKind::After, errors)?,
            WANTS => read_dependencies(argument, DependencyKind::Wants, errors)?,
            RESTART_WITH => SettingValue::RestartWith(read_names(argument, errors)?),
            BEFORE => {
                errors.handle(check_all(argument))?;
                SettingValue::BeforeAll
            }
            ON_FAILURE => SettingValue::OnFailure(read_policy(argument, errors)?),
            ON_LATE => SettingValue::OnLate(errors.handle(Choice::read(argument, LATE))?),
            ON_HANGUP => {
                SettingValue::OnHangup(errors.handle(Choice::read(argument, &ON_HANGUPS))?)
            }
            LEASES => {
                let store = errors.handle(argument.value("leases = store"))?;
                SettingValue::Leases(store.clone())
            }
            REPLICAS => {
                let order = errors.reserve();
                errors.handle(Choice::read(argument, &ONE))?;
                SettingValue::OneReplica(order)
            }
            MEMORY => {
                let value = argument.value("memory = FileMemory::new(\"schedules\")");
                SettingValue::Value(errors.handle(value)?.clone())
            }
            _ => SettingValue::Length(errors.handle(read_length(argument, &key))?),
        };
        Some(Self {
            key: argument.key.clone(),
            value,
        })
    }
}

/// A setting in the wrong place has a sentence of its own.
fn unknown_error(argument: &NamedArgument, known: &[&str]) -> Error {
    let key = &argument.key;
    let name = key.to_string();
    if name == RESTART {
        restart_error(argument)
    } else if REGISTRY_SETTINGS.contains(&name.as_str()) {
        let sentence = format_args!("`{name}` is a setting of the whole registry");
        problem_at(key, sentence, "write it before the first service")
    } else if SERVICE_SETTINGS.contains(&name.as_str()) {
        let sentence =
            format_args!("`{name}` is a setting of a service, and none stands before it");
        problem_at(
            key,
            sentence,
            format_args!("write `\"name\" => value, {name} = ..`"),
        )
    } else if let Some(call) = method_of_registry(&name) {
        let sentence = format_args!("`{name}` is a method of `Registry`");
        let help = format_args!("call it on what the macro makes: `registry! {{ .. }}.{call}`");
        problem_at(key, sentence, help)
    } else if is_argument(&name) && !means_setting(&name, known) {
        argument_error(key)
    } else {
        let help = words::instead(&name, known).unwrap_or_else(|| "remove it".to_owned());
        problem_at(key, format_args!("unknown setting `{name}`"), help)
    }
}

/// Whether an argument of the attribute is meant as a setting: before the first service, `delay` is
/// short for `shutdown_delay`.
fn means_setting(name: &str, known: &[&str]) -> bool {
    known.contains(&DEADLINE) && words::meant(name, known).is_some()
}

fn method_of_registry(name: &str) -> Option<&'static str> {
    match name {
        "signals" => Some("signals(false)"),
        "stop_on" => Some("stop_on(..)"),
        "only" => Some("only([..])"),
        "on_event" => Some("on_event(..)"),
        _ => None,
    }
}

/// Refuses an argument that belongs on the struct.
pub(super) fn argument_error(key: &Ident) -> Error {
    problem_at(
        key,
        format_args!("`{key}` is an argument of `#[service(..)]`"),
        "remove it here, and write it on the struct",
    )
}

/// Only a delay may be zero: with no time at all, nothing could start or stop.
fn read_length(argument: &NamedArgument, key: &str) -> Result<DurationValue> {
    let zero = if key == SHUTDOWN_DELAY {
        Zero::Allowed
    } else {
        Zero::Refused
    };
    let value = argument.value(&format!("{key} = \"10s\""))?;
    parse_length(value, key, zero)
}

fn read_dependencies(
    argument: &NamedArgument,
    kind: DependencyKind,
    errors: &mut Errors,
) -> Option<SettingValue> {
    let names = read_names(argument, errors)?.into_iter();
    let dependency = |Name { text: name, order }| Dependency { name, kind, order };
    Some(SettingValue::Dependencies(names.map(dependency).collect()))
}

fn read_names(argument: &NamedArgument, errors: &mut Errors) -> Option<Vec<Name>> {
    let key = &argument.key;
    let value = errors.handle(argument.value(&format!("{key} = [\"name\"]")))?;
    let Expr::Array(list) = ungrouped(value) else {
        let sentence = format_args!("the value of `{key}` is not a list of names");
        let help = format!("write `{key} = [{}]`", names_in(value));
        errors.report(value, sentence, help);
        return None;
    };
    let mut names = Vec::new();
    for element in &list.elems {
        let order = errors.reserve();
        if let Some(Lit::Str(name)) = literal(element) {
            names.push(Name {
                text: name.clone(),
                order,
            });
        } else {
            errors.push_at(order, refuse_dependency(element));
        }
    }
    Some(names)
}

/// The names in a value that is no list: `"store"`, `store`, `("store", "cache")`, `&["store"]`.
fn names_in(value: &Expr) -> String {
    match value {
        Expr::Group(group) => names_in(&group.expr),
        Expr::Paren(paren) => names_in(&paren.expr),
        Expr::Reference(reference) => names_in(&reference.expr),
        Expr::Tuple(tuple) => join_names(tuple.elems.iter()),
        Expr::Array(list) => join_names(list.elems.iter()),
        Expr::Path(path) => match path.path.get_ident() {
            Some(name) => format!("\"{name}\""),
            None => NAME.to_owned(),
        },
        _ => match literal(value) {
            Some(Lit::Str(name)) => name.token().to_string(),
            _ => NAME.to_owned(),
        },
    }
}

fn join_names<'a>(values: impl Iterator<Item = &'a Expr>) -> String {
    values.map(names_in).collect::<Vec<_>>().join(", ")
}

const NAME: &str = "\"name\"";

fn refuse_dependency(element: &Expr) -> Error {
    match element {
        Expr::Path(path) => {
            let name = path.to_token_stream();
            let sentence = format!("the dependency `{name}` is not in quotes");
            problem_at(element, sentence, format_args!("write `\"{name}\"`"))
        }
        _ => problem_at(
            element,
            "a dependency is the name of a service, in quotes",
            "write the name that it has in this registry, such as `\"store\"`",
        ),
    }
}

/// `before` takes no names: the order of two services is said by the `after` of the later one.
fn check_all(argument: &NamedArgument) -> Result<()> {
    let value = argument.value("before = all")?;
    let names = match ungrouped(value) {
        Expr::Array(list) => join_names(list.elems.iter()),
        other => match literal(other) {
            Some(Lit::Str(name)) if name.value() != ALL[0].text => names_in(other),
            _ => return Choice::read(argument, &ALL).map(drop),
        },
    };
    let sentence = format_args!("`before` can only be `all`, and not `{names}`");
    let help = "write `before = all`, or name this service in the `after` of the others";
    Err(problem_at(value, sentence, help))
}
