//! The arguments as they are written go in; a legal service comes out, or problems.
//!
//! The rules across arguments:
//!
//! - A service has one shape, and no arguments beside it but `startup(..)` and `crate = ..`.
//! - Each of the two is given at most once.
//! - `idle`, `worker` and `server` take no arguments; `oneshot` may take `background`.
//! - A oneshot has no `startup(..)`: see `startup`.
//! - Options belong into the parentheses of their shape, and settings into `registry!`.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::{Ident, Lit};

use crate::errors::Errors;
use crate::syntax::{Argument, Form, NamedArgument, Value, literal, word_of};
use crate::value::crate_path::CratePath;
use crate::value::range::WaitRange;
use crate::words::{
    self, CRATE, CRON, IDLE, INTERVAL, ONESHOT, QUEUE, RETRY, SCHEDULED, SERVER, SHAPES, STARTUP,
    WORKER,
};

use super::args::Args;
use super::elsewhere::find_in_registry;
use super::item::{Item, Type};
use super::oneshot::read_oneshot;
use super::queue::{Batches, QUEUE_GRAMMAR};
use super::schedule::{SCHEDULED_GRAMMAR, Schedule};
use super::startup::{STARTUP_GRAMMAR, read_startup};

pub(crate) struct Model<'a> {
    pub(crate) library: CratePath,
    pub(crate) declared: &'a Type,
    pub(crate) shape: Shape,
    pub(crate) retry: Option<WaitRange>,
}

pub(crate) enum Shape {
    Idle,
    Scheduled(Box<Schedule>),
    Queue(Box<Batches>),
    Worker,
    Server,
    Oneshot { background: bool },
}

impl<'a> Model<'a> {
    /// Problems come in source order: the arguments, then the item below them.
    pub(crate) fn new(args: &Args, item: &'a Item, errors: &mut Errors) -> Option<Self> {
        let mut library = None;
        let mut shape = None;
        let mut startup = None;
        let ((), failed) = errors.scope(|errors| {
            for argument in &args.list {
                match argument {
                    Argument::Named(argument) if argument.key == CRATE => {
                        read_library(argument, &mut library, errors);
                    }
                    Argument::Named(argument) if argument.key == STARTUP => {
                        read_startup_once(argument, args, &mut startup, errors);
                    }
                    Argument::Named(argument)
                        if SHAPES.iter().any(|known| argument.key == known) =>
                    {
                        read_shape(argument, item, &mut shape, errors);
                    }
                    Argument::Named(argument) => report_unknown(argument, args, errors),
                    Argument::Stray(value) => report_stray(value, errors),
                    Argument::Unreadable(error) => errors.push(error.clone()),
                }
            }
        });
        if shape.is_none() && !failed {
            report_shapeless(item, errors);
        }
        item.check(errors);
        Some(Self {
            library: library.unwrap_or_default(),
            declared: item.declared()?,
            shape: shape?.1?,
            retry: startup.and_then(|(_, retry)| retry),
        })
    }
}

fn read_library(argument: &NamedArgument, library: &mut Option<CratePath>, errors: &mut Errors) {
    if library.is_some() {
        return errors.report(
            &argument.key,
            "`crate` is given twice",
            "remove one of the two",
        );
    }
    *library = Some(errors.handle(CratePath::new(argument)).unwrap_or_default());
}

fn read_startup_once<'a>(
    argument: &'a NamedArgument,
    args: &Args,
    startup: &mut Option<(&'a Ident, Option<WaitRange>)>,
    errors: &mut Errors,
) {
    if startup.is_some() {
        let sentence = "`startup` is given twice";
        return errors.report(&argument.key, sentence, "remove one of the two");
    }
    *startup = Some((&argument.key, read_startup(argument, args.shape(), errors)));
}

/// A shape with a problem in it still counts: a second shape is a problem of its own.
type Chosen<'a> = (&'a Ident, Option<Shape>);

fn read_shape<'a>(
    argument: &'a NamedArgument,
    item: &Item,
    chosen: &mut Option<Chosen<'a>>,
    errors: &mut Errors,
) {
    let name = &argument.key;
    if let Some((first, _)) = chosen {
        let sentence = format_args!("a service has one shape, and `{name}` is the second");
        return errors.report(name, sentence, format_args!("keep `{first}` or `{name}`"));
    }
    let shape = match name.to_string().as_str() {
        SCHEDULED => Schedule::new(argument, item.fields(), errors)
            .map(|schedule| Shape::Scheduled(Box::new(schedule))),
        QUEUE => Batches::new(argument, item.fields(), errors)
            .map(|batches| Shape::Queue(Box::new(batches))),
        WORKER => check_bare(argument, errors).then_some(Shape::Worker),
        SERVER => check_bare(argument, errors).then_some(Shape::Server),
        ONESHOT => read_oneshot(argument, errors).map(|background| Shape::Oneshot { background }),
        _ => check_bare(argument, errors).then_some(Shape::Idle),
    };
    *chosen = Some((name, shape));
}

fn check_bare(argument: &NamedArgument, errors: &mut Errors) -> bool {
    let name = &argument.key;
    let place = match &argument.form {
        Form::Word => return true,
        Form::List { group, .. } => group.to_token_stream(),
        Form::Value(value) => value.place(Some(name)),
    };
    let sentence = format_args!("the shape `{name}` takes no arguments");
    errors.report(place, sentence, format_args!("write `{name}`"));
    false
}

/// Reports an argument that is no shape, no `startup` and no `crate`.
fn report_unknown(argument: &NamedArgument, args: &Args, errors: &mut Errors) {
    let name = argument.key.to_string();
    if let Some((sentence, help)) = find_place(&name, args.shape()) {
        return errors.report(&argument.key, sentence, help);
    }
    // `shape = idle`
    if let (Some(shape), None) = (shape_in_value(argument), args.shape()) {
        let help = format_args!("write `{shape}` alone");
        return errors.report(
            &argument.key,
            format_args!("unknown argument `{name}`"),
            help,
        );
    }
    if let (Some(help), None) = (words::instead(&name, &SHAPES), args.shape()) {
        return errors.report(&argument.key, format_args!("unknown shape `{name}`"), help);
    }
    let help = words::meant(&name, &[STARTUP, CRATE])
        .filter(|_| !is_given_already(&name, args))
        .unwrap_or_else(|| "remove it".to_owned());
    errors.report(
        &argument.key,
        format_args!("unknown argument `{name}`"),
        help,
    );
}

/// A sentence and a help for a known argument that does not belong beside the shape.
fn find_place(name: &str, shape: Option<&Ident>) -> Option<(String, String)> {
    if let Some((owner, help)) = find_owner(name, shape) {
        return Some((format!("`{name}` is an argument of `{owner}`"), help));
    }
    find_in_registry(name)
}

/// Whether the argument that is meant is given as well: `krate` beside a `crate`.
fn is_given_already(name: &str, args: &Args) -> bool {
    let near = [STARTUP, CRATE]
        .into_iter()
        .find(|known| words::meant(name, &[known]).is_some());
    near.is_some_and(|near| args.find(near).is_some())
}

fn shape_in_value(argument: &NamedArgument) -> Option<&'static str> {
    let Form::Value(Value::Expr(value)) = &argument.form else {
        return None;
    };
    let word = word_of(value);
    SHAPES.into_iter().find(|shape| *shape == word)
}

/// The argument whose option this is. The shape that is given comes first, if it has such an
/// option.
fn find_owner(name: &str, shape: Option<&Ident>) -> Option<(&'static str, String)> {
    let grammars = [SCHEDULED_GRAMMAR, STARTUP_GRAMMAR, QUEUE_GRAMMAR];
    let is_given = |owner| shape.is_some_and(|shape| shape == owner);
    let knowing = || {
        grammars
            .iter()
            .filter(|grammar| grammar.known.contains(&name))
    };
    let grammar = knowing()
        .find(|grammar| is_given(grammar.owner))
        .or_else(|| knowing().next())?;
    let owner = grammar.owner;
    let help = match name {
        INTERVAL | RETRY if !is_given(owner) => format!("write `{}`", grammar.example),
        CRON if !is_given(owner) => format!("write `{owner}({CRON} = \"0 3 * * *\")`"),
        _ => format!("write `{owner}(.., {name} = ..)`"),
    };
    Some((owner, help))
}

fn report_stray(value: &Value, errors: &mut Errors) {
    let place = value.place(None);
    let all = format!("write one of `{}`", SHAPES.join("`, `"));
    let (sentence, help) = match value.leftover().and_then(literal) {
        Some(Lit::Str(text)) if SHAPES.contains(&text.value().as_str()) => {
            let shape = text.value();
            (
                format!("the shape `{shape}` is in quotes"),
                format!("write `{shape}`"),
            )
        }
        _ => (format!("`{place}` is no shape of a service"), all),
    };
    errors.report(place, sentence, help);
}

fn report_shapeless(item: &Item, errors: &mut Errors) {
    let name = item.declared().map_or_else(
        || "the service".to_owned(),
        |declared| format!("`{}`", declared.ident),
    );
    let help = format!(
        "write `#[service({IDLE})]`, or another of `{}`",
        SHAPES[1..].join("`, `")
    );
    errors.report(
        TokenStream::new(),
        format_args!("{name} has no shape"),
        help,
    );
}
