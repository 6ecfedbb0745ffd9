//! Settings and entries as they are written go in; a model without the broken parts comes out, and
//! problems.
//!
//! The rules across settings and entries:
//!
//! - Each setting is given at most once.
//! - Settings of the registry stand before the first service, those of a service behind it.
//! - The shutdown delay leaves something of the deadline: see `lifecycle_rules::limits`.
//! - Where one replica runs a service there is a store of leases.
//! - What a service restarts with is in its `after`: see `lifecycle_rules::restart`.
//! - Names are unique, dependencies exist, and there is no cycle: see `lifecycle_rules::graph`.

use std::collections::HashSet;

use lifecycle_rules::graph::{DependencyKind, GraphProblem, Place};
use lifecycle_rules::limits;
use lifecycle_rules::restart::check_restart_with;
use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::{Attribute, Error, Expr, Ident, LitStr};

use crate::errors::{Errors, Order, problem_at};
use crate::syntax::{Argument, Form, Value};
use crate::value::duration::DurationValue;
use crate::words::{
    AFTER, DEADLINE, LEASES, REGISTRY_SETTINGS, RESTART_WITH, SERVICE_SETTINGS, SHUTDOWN_DELAY,
    WANTS,
};

use super::args::{Args, Name, TypedEntry};
use super::check::{Node, find_problems, tell};
use super::name::{ENTRY_EXAMPLE, read_name, stray_error};
use super::setting::{Dependency, Setting, SettingValue};

pub(crate) struct Model {
    /// The tokens of `$crate`.
    pub(crate) library: TokenStream,
    pub(crate) settings: Vec<Setting>,
    pub(crate) entries: Vec<Entry>,
    /// Values without an entry or a setting, because of a problem. They go into the expansion, so
    /// that rustc reports no unused variables and an editor completes them.
    pub(crate) leftovers: Vec<Expr>,
    /// A `cfg` may remove an entry, so the derive checks names and dependencies.
    pub(crate) check_later: bool,
}

pub(crate) struct Entry {
    pub(crate) conditions: Vec<Attribute>,
    pub(crate) name: LitStr,
    pub(crate) order: Order,
    /// `None` if there is a problem with it. Dependencies may name the service all the same.
    pub(crate) value: Option<Expr>,
    pub(crate) settings: Vec<Setting>,
}

impl Model {
    /// Problems come in source order, those about names and dependencies too.
    pub(crate) fn new(args: Args, errors: &mut Errors) -> Self {
        let mut model = Self {
            library: args.library,
            settings: Vec::new(),
            entries: Vec::new(),
            leftovers: Vec::new(),
            check_later: false,
        };
        model.settings = model.read_settings(&args.settings, &REGISTRY_SETTINGS, errors);
        model.check_limits(&args.settings, errors);
        let mut lost = args.lost;
        for written in &args.entries {
            match model.read_entry(written, errors) {
                Some(entry) => model.entries.push(entry),
                None => lost = true,
            }
        }
        model.check_leases(&args.settings, errors);
        if model
            .entries
            .iter()
            .any(|entry| !entry.conditions.is_empty())
        {
            model.check_later = !lost;
        } else {
            model.check(lost, errors);
        }
        model
    }

    fn read_entry(&mut self, written: &TypedEntry, errors: &mut Errors) -> Option<Entry> {
        let conditions = read_conditions(&written.attributes, errors);
        let order = errors.reserve();
        let (name, failed) = errors.scope(|errors| {
            let name = read_name(written, errors);
            if let (Name::Quoted(_), Err(error)) = (&written.name, &written.arrow) {
                errors.push(error.clone());
            }
            name
        });
        let example = match &name {
            Some(name) => format!("{} => ..", name.token()),
            None => ENTRY_EXAMPLE.to_owned(),
        };
        let value = match (&name, &written.value) {
            (Some(_), Value::Expr(value)) => Some(value.clone()),
            (Some(name), value) if !failed => errors
                .handle(value.expr(name, &name.value(), &example))
                .cloned(),
            // The name or the arrow is reported already.
            _ => None,
        };
        if value.is_none() {
            self.leftovers.extend(leftover(&written.value).cloned());
        }
        let settings = self.read_settings(&written.settings, &SERVICE_SETTINGS, errors);
        let name = name?;
        check_restarts(&name, &settings, &written.settings, errors);
        Some(Entry {
            conditions,
            name,
            order,
            value,
            settings,
        })
    }

    fn read_settings(
        &mut self,
        list: &[Argument],
        known: &[&str],
        errors: &mut Errors,
    ) -> Vec<Setting> {
        let mut settings = Vec::new();
        let mut given: HashSet<String> = HashSet::new();
        for written in list {
            match written {
                Argument::Named(argument) if !given.insert(argument.key.to_string()) => {
                    errors.push(twice_error(&argument.key));
                }
                Argument::Named(argument) => match Setting::new(argument, known, errors) {
                    Some(setting) => settings.push(setting),
                    None => {
                        if let Form::Value(value) = &argument.form {
                            self.leftovers.extend(leftover(value).cloned());
                        }
                    }
                },
                Argument::Stray(value) => errors.push(stray_error(value)),
                Argument::Unreadable(error) => errors.push(error.clone()),
            }
        }
        settings
    }

    /// Without a store of leases no replica can be the one. The store is what is missing, so this is told once.
    fn check_leases(&self, written: &[Argument], errors: &mut Errors) {
        let is_leases = |argument: &Argument| matches!(argument, Argument::Named(argument) if argument.key == LEASES);
        if written.iter().any(is_leases) {
            return;
        }
        let settings = self.entries.iter().flat_map(|entry| &entry.settings);
        let first = settings
            .into_iter()
            .find_map(|setting| match setting.value {
                SettingValue::OneReplica(order) => Some((&setting.key, order)),
                _ => None,
            });
        if let Some((key, order)) = first {
            let sentence = "`replicas = one` needs the store of the leases";
            let help =
                "write `leases = store` before the first service, a store that all replicas share";
            errors.push_at(order, problem_at(key, sentence, help));
        }
    }

    /// Compares literals, or the default deadline. Computed values are checked when the registry
    /// starts.
    fn check_limits(&self, written: &[Argument], errors: &mut Errors) {
        let find = |key: &str| {
            let setting = self.settings.iter().find(|setting| setting.key == key)?;
            match &setting.value {
                SettingValue::Length(DurationValue::Literal(text, length)) => Some((text, *length)),
                _ => None,
            }
        };
        let Some((text, delay)) = find(SHUTDOWN_DELAY) else {
            return;
        };
        // With a deadline that can't be read, nothing is known about the deadline.
        let is_complete = written.iter().all(|written| match written {
            Argument::Named(argument) => argument.key != DEADLINE,
            Argument::Stray(_) | Argument::Unreadable(_) => false,
        });
        let deadline = match find(DEADLINE) {
            Some((_, deadline)) => deadline,
            None if is_complete => limits::DEFAULT_DEADLINE,
            None => return,
        };
        if let Some(problem) = limits::check(deadline, delay) {
            errors.report(text, problem, problem.help());
        }
    }

    /// If an entry was lost, a dependency that seems unknown may be that entry.
    fn check(&self, lost: bool, errors: &mut Errors) {
        let nodes: Vec<Node> = self.entries.iter().map(Entry::node).collect();
        for found in find_problems(&nodes) {
            if lost
                && matches!(
                    found.problem,
                    GraphProblem::Empty | GraphProblem::UnknownDependency { .. }
                )
            {
                continue;
            }
            let error = tell(&found, &nodes, TokenStream::new());
            match self.entries.get(found.place.entry) {
                Some(entry) => errors.push_at(entry.order_of(found.place), error),
                None => errors.push(error),
            }
        }
    }
}

impl Entry {
    /// Those in `after` and those in `wants`, in source order.
    pub(crate) fn dependencies(&self) -> impl Iterator<Item = &Dependency> {
        dependencies_of(&self.settings)
    }

    pub(crate) fn is_before_all(&self) -> bool {
        let mut values = self.settings.iter().map(|setting| &setting.value);
        values.any(|value| matches!(value, SettingValue::BeforeAll))
    }

    fn node(&self) -> Node {
        let named = |dependency: &Dependency| (dependency.name.clone(), dependency.kind);
        Node {
            name: self.name.clone(),
            before_all: self.is_before_all(),
            dependencies: self.dependencies().map(named).collect(),
        }
    }

    fn order_of(&self, place: Place) -> Order {
        let dependency = place
            .dependency
            .and_then(|index| self.dependencies().nth(index));
        dependency.map_or(self.order, |dependency| dependency.order)
    }
}

/// If the `after` can't be read, nothing is known of what is in it.
fn check_restarts(name: &LitStr, settings: &[Setting], written: &[Argument], errors: &mut Errors) {
    let is_after = |argument: &&Argument| matches!(argument, Argument::Named(argument) if argument.key == AFTER);
    let given = settings.iter().filter(|setting| setting.key == AFTER);
    if given.count() != written.iter().filter(is_after).count() {
        return;
    }
    let dependencies = dependencies_of(settings).filter(|one| one.kind == DependencyKind::After);
    let after: Vec<String> = dependencies.map(|one| one.name.value()).collect();
    let after: Vec<&str> = after.iter().map(String::as_str).collect();
    for setting in settings {
        let SettingValue::RestartWith(names) = &setting.value else {
            continue;
        };
        let texts: Vec<String> = names.iter().map(|name| name.text.value()).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        for (index, problem) in check_restart_with(&name.value(), &after, &texts) {
            let error = problem_at(&names[index].text, &problem, problem.help());
            errors.push_at(names[index].order, error);
        }
    }
}

/// Those in `after` and those in `wants`, in source order.
fn dependencies_of(settings: &[Setting]) -> impl Iterator<Item = &Dependency> {
    settings.iter().flat_map(|setting| match &setting.value {
        SettingValue::Dependencies(list) => list.as_slice(),
        _ => &[],
    })
}

fn read_conditions(attributes: &[Attribute], errors: &mut Errors) -> Vec<Attribute> {
    let mut conditions = Vec::new();
    for attribute in attributes {
        if attribute.path().is_ident("cfg") {
            conditions.push(attribute.clone());
            continue;
        }
        let path = attribute.path();
        errors.push(if path.is_ident("doc") {
            let sentence = "a service in a registry has no documentation";
            problem_at(path, sentence, "write a comment: `//`")
        } else {
            let path = path.to_token_stream();
            let sentence = format!("the attribute `{path}` means nothing for a service here");
            problem_at(path, sentence, "remove it: only `#[cfg(..)]` does")
        });
    }
    conditions
}

fn twice_error(key: &Ident) -> Error {
    let help = if key == AFTER || key == WANTS || key == RESTART_WITH {
        "join the two lists"
    } else {
        "remove one of the two"
    };
    problem_at(key, format_args!("`{key}` is given twice"), help)
}

/// The value, if it may be code of the user's: a lone word is most likely a typo, a list means
/// nothing by itself, and `retry(..)` is most likely a setting.
fn leftover(value: &Value) -> Option<&Expr> {
    value.leftover().filter(|value| match value {
        Expr::Field(_) | Expr::MethodCall(_) => true,
        Expr::Call(call) => {
            matches!(&*call.func, Expr::Path(path) if path.path.get_ident().is_none())
        }
        _ => false,
    })
}
