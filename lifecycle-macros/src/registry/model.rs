//! What is written goes in; the calls that assemble the registry come out, without the parts that
//! are mistakes.

use std::collections::HashSet;

use lifecycle_rules::graph::{Place, Problem};
use lifecycle_rules::{limits, name, suggest};
use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::parse::{ParseStream, Parser};
use syn::{Attribute, Error, Expr, Ident, Lit, LitStr, Token};

use crate::errors::{Errors, Order, mistake};
use crate::service::is_argument;
use crate::syntax::{Form, Value, Written, tidy};
use crate::value::duration::{Length, literal};

use super::args::{
    self, AFTER, Args, DEADLINE, Name, REGISTRY_SETTINGS, SERVICE_SETTINGS, SHUTDOWN_DELAY, WANTS,
};
use super::check::{Node, find_problems, tell};
use super::setting::{Argument, Dependency, Setting, argument_error};

const ENTRY_EXAMPLE: &str = "\"name\" => value";

pub(crate) struct Model {
    /// The tokens of `$crate`.
    pub(crate) library: TokenStream,
    pub(crate) settings: Vec<Setting>,
    pub(crate) entries: Vec<Entry>,
    /// Values that a mistake left without a place: evaluated, so that they are neither unused nor
    /// hidden from an editor.
    pub(crate) leftovers: Vec<Expr>,
    /// `cfg` may remove an entry: only the derive knows what is there.
    pub(crate) check_later: bool,
}

pub(crate) struct Entry {
    pub(crate) conditions: Vec<Attribute>,
    pub(crate) name: LitStr,
    pub(crate) order: Order,
    /// `None` when it is a mistake; the name is known to the others nevertheless.
    pub(crate) value: Option<Expr>,
    pub(crate) settings: Vec<Setting>,
}

impl Model {
    /// Mistakes come in source order, those about names and dependencies too.
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

    fn read_entry(&mut self, written: &args::Entry, errors: &mut Errors) -> Option<Entry> {
        let conditions = read_conditions(&written.attributes, errors);
        let order = errors.reserve();
        let before = errors.count();
        let name = read_name(written, errors);
        let example = match &name {
            Some(name) => format!("{} => ..", name.token()),
            None => ENTRY_EXAMPLE.to_owned(),
        };
        if let (Name::Quoted(_), Err(error)) = (&written.name, &written.arrow) {
            errors.push(error.clone());
        }
        let value = match (&name, &written.value) {
            (Some(_), Value::Expr(value)) => Some(value.clone()),
            (Some(name), value) if errors.count() == before => errors
                .handle(value.expr(name, &name.value(), &example))
                .cloned(),
            // A value without a name, or one that only the missing arrow has spoilt.
            _ => None,
        };
        if value.is_none() {
            self.leftovers.extend(leftover(&written.value).cloned());
        }
        let settings = self.read_settings(&written.settings, &SERVICE_SETTINGS, errors);
        Some(Entry {
            conditions,
            name: name?,
            order,
            value,
            settings,
        })
    }

    fn read_settings(
        &mut self,
        list: &[Written],
        known: &[&str],
        errors: &mut Errors,
    ) -> Vec<Setting> {
        let mut settings = Vec::new();
        let mut given: HashSet<String> = HashSet::new();
        for written in list {
            match written {
                Written::Part(part) if !given.insert(part.key.to_string()) => {
                    errors.push(twice_error(&part.key));
                }
                Written::Part(part) => match Setting::new(part, known, errors) {
                    Some(setting) => settings.push(setting),
                    None => {
                        if let Form::Value(value) = &part.form {
                            self.leftovers.extend(leftover(value).cloned());
                        }
                    }
                },
                Written::Stray(value) => errors.push(stray_error(value)),
                Written::Unreadable(error) => errors.push(error.clone()),
            }
        }
        settings
    }

    /// Literals are known here, and so is the default; what is computed is checked at the start.
    fn check_limits(&self, written: &[Written], errors: &mut Errors) {
        let find = |key: &str| {
            let setting = self.settings.iter().find(|setting| setting.key == key)?;
            match &setting.argument {
                Argument::Length(Length::Literal(text, length)) => Some((text, *length)),
                _ => None,
            }
        };
        let Some((text, delay)) = find(SHUTDOWN_DELAY) else {
            return;
        };
        // One that could not be read is no default.
        let is_complete = written.iter().all(|written| match written {
            Written::Part(part) => part.key != DEADLINE,
            Written::Stray(_) | Written::Unreadable(_) => false,
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

    /// What is unknown may be what was lost with an entry that nobody could read.
    fn check(&self, lost: bool, errors: &mut Errors) {
        let nodes: Vec<Node> = self.entries.iter().map(Entry::node).collect();
        for found in find_problems(&nodes) {
            if lost
                && matches!(
                    found.problem,
                    Problem::Empty | Problem::UnknownDependency { .. }
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
    /// In source order, of either kind.
    pub(crate) fn dependencies(&self) -> impl Iterator<Item = &Dependency> {
        self.settings
            .iter()
            .flat_map(|setting| match &setting.argument {
                Argument::Dependencies(list) => list.as_slice(),
                Argument::Length(_) | Argument::OnFailure(_) => &[],
            })
    }

    fn node(&self) -> Node {
        let named = |dependency: &Dependency| (dependency.name.clone(), dependency.kind);
        Node {
            name: self.name.clone(),
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
            mistake(path, sentence, "write a comment: `//`")
        } else {
            let path = path.to_token_stream();
            let sentence = format!("the attribute `{path}` means nothing for a service here");
            mistake(path, sentence, "remove it: only `#[cfg(..)]` does")
        });
    }
    conditions
}

fn read_name(written: &args::Entry, errors: &mut Errors) -> Option<LitStr> {
    match (&written.name, &written.value) {
        (Name::Quoted(name), _) => Some(name.clone()),
        (Name::Bare(word), _) => {
            let typed = word.to_string();
            if let Some(setting) = suggest::nearest(&typed, &SERVICE_SETTINGS) {
                let help = format_args!("did you mean `{setting} = ..`?");
                errors.report(word, format_args!("unknown setting `{typed}`"), help);
                return None;
            }
            let sentence = format_args!("the service name `{typed}` is not in quotes");
            // A constant, most of the time: it can't be read here, and would be malformed.
            let name = name::repair(&typed);
            let written = name.as_deref().unwrap_or("name");
            errors.report(word, sentence, format_args!("write `\"{written}\" => ..`"));
            Some(LitStr::new(&name?, word.span()))
        }
        (Name::Literal(literal), _) => {
            let sentence = format!(
                "the service name `{}` is no string",
                literal.to_token_stream()
            );
            errors.report(
                literal,
                sentence,
                "write a name in quotes, such as `\"store\"`",
            );
            None
        }
        (Name::Computed(value), _) => {
            let sentence = "the name of a service is no literal";
            let help = "write it in quotes; names that are known only at run time go to `Registry::builder()`";
            errors.report(value, sentence, help);
            None
        }
        (Name::Missing, Value::Expr(value)) => {
            errors.push(nameless_error(value));
            None
        }
        (Name::Missing, value @ Value::Broken { .. }) if !value.is_cut_short() => {
            errors.push(stray_error(value));
            None
        }
        (Name::Missing, value) => {
            errors.handle(value.expr(TokenStream::new(), "registry", ENTRY_EXAMPLE));
            None
        }
    }
}

/// A service without a name may have been given one as to a function: `service("store", store)`.
fn nameless_error(value: &Expr) -> Error {
    if let Some(argument) = argument_of_service(value) {
        return argument_error(argument);
    }
    let arguments = match value {
        Expr::Call(call) => Some(&call.args),
        Expr::Tuple(tuple) => Some(&tuple.elems),
        _ => None,
    };
    let mut arguments = arguments.into_iter().flatten();
    let help = match (arguments.next().and_then(literal), arguments.next()) {
        (Some(Lit::Str(name)), Some(service)) => {
            let service = service.to_token_stream().to_string();
            format!("write `{} => {}`", name.token(), tidy(&service))
        }
        _ => match value {
            Expr::Array(list) if list.elems.len() > 1 => {
                let first = list.elems.first().map_or_else(String::new, name_before);
                format!("{first}, and its settings behind it")
            }
            _ => name_before(value),
        },
    };
    mistake(value, "this service has no name", help)
}

/// `scheduled(interval = "5s")`, as a setting.
fn argument_of_service(value: &Expr) -> Option<&Ident> {
    let Expr::Call(call) = value else { return None };
    let Expr::Path(path) = &*call.func else {
        return None;
    };
    let has_options = matches!(call.args.first(), Some(Expr::Assign(_)));
    let ident = path.path.get_ident()?;
    (has_options && is_argument(&ident.to_string())).then_some(ident)
}

fn twice_error(key: &Ident) -> Error {
    let help = if key == AFTER || key == WANTS {
        "join the two lists"
    } else {
        "remove one of the two"
    };
    mistake(key, format_args!("`{key}` is given twice"), help)
}

fn stray_error(value: &Value) -> Error {
    let place = value.place(None);
    let code = place.clone().into_iter().next().filter(is_code);
    if let Some(word) = code {
        let sentence = format_args!("a registry is a list, and `{word}` is code");
        let help = "put `#[cfg(..)]` before a service, or assemble them with `Registry::builder()`";
        return mistake(&word, sentence, help);
    }
    let help = match first_in_group(&place) {
        Some(service) => format!("{}, and its settings behind it", name_before(&service)),
        None => format!("write `{ENTRY_EXAMPLE}`, or a setting"),
    };
    mistake(place, "this is neither a service nor a setting", help)
}

/// The service that a group begins with: `{ Api, after: [..] }`.
fn first_in_group(tokens: &TokenStream) -> Option<Expr> {
    let parser = |input: ParseStream| {
        let service = input.parse()?;
        input.parse::<Token![,]>()?;
        input.parse::<TokenStream>()?;
        Ok(service)
    };
    match tokens.clone().into_iter().next()? {
        TokenTree::Group(group) => parser.parse2(group.stream()).ok(),
        _ => None,
    }
}

/// The value with the name that it most likely has.
fn name_before(value: &Expr) -> String {
    let name = name_of(value).and_then(|name| name::repair(&name));
    let name = name.as_deref().unwrap_or("name");
    let value = tidy(&value.to_token_stream().to_string());
    if value.len() < 60 {
        format!("write `\"{name}\" => {value}`")
    } else {
        format!("write `\"{name}\" =>` before it")
    }
}

/// `store`, `Store::new(..)`, `Store::connect(..).await?`, `Store { .. }`.
fn name_of(value: &Expr) -> Option<String> {
    let path = match value {
        Expr::Path(path) => &path.path,
        Expr::Struct(literal) => &literal.path,
        Expr::Call(call) => return name_of(&call.func),
        Expr::MethodCall(call) => return name_of(&call.receiver),
        Expr::Field(field) => return Some(field.member.to_token_stream().to_string()),
        Expr::Await(awaited) => return name_of(&awaited.base),
        Expr::Try(tried) => return name_of(&tried.expr),
        Expr::Reference(reference) => return name_of(&reference.expr),
        Expr::Paren(paren) => return name_of(&paren.expr),
        Expr::Group(group) => return name_of(&group.expr),
        _ => return None,
    };
    let mut names = path
        .segments
        .iter()
        .rev()
        .map(|part| part.ident.to_string());
    let last = names.next()?;
    // A constructor goes by the name of its type.
    let of_type = names.next().filter(|of| of.starts_with(char::is_uppercase));
    of_type.or(Some(last))
}

/// What begins an expression that may have services in it.
fn is_code(token: &TokenTree) -> bool {
    let words = ["for", "if", "loop", "match", "while"];
    matches!(token, TokenTree::Ident(word) if words.iter().any(|code| word == code))
}

/// A lone word is rather a slip than a value, a list has no meaning by itself, and a call of one
/// word is likely a setting that looks like one.
fn leftover(value: &Value) -> Option<&Expr> {
    value.leftover().filter(|value| match value {
        Expr::Field(_) | Expr::MethodCall(_) => true,
        Expr::Call(call) => {
            matches!(&*call.func, Expr::Path(path) if path.path.get_ident().is_none())
        }
        _ => false,
    })
}
