//! What is written goes in; a model that holds only legal services comes out, or mistakes.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::{Ident, Lit};

use crate::crate_path::CratePath;
use crate::diag::Errors;
use crate::duration::literal;
use crate::rules::suggest;
use crate::written::{Form, Part, Value, Written};

use super::args::{Args, CRATE, IDLE, INTERVAL, ONESHOT, SCHEDULED, SHAPES, WORKER};
use super::interval::Interval;
use super::item::{Item, Type};

const INTERVAL_EXAMPLE: &str = "interval = \"30s\"";
const SCHEDULED_EXAMPLE: &str = "scheduled(interval = \"30s\")";

pub(crate) struct Model<'a> {
    pub(crate) library: CratePath,
    pub(crate) declared: &'a Type,
    pub(crate) shape: Shape,
}

pub(crate) enum Shape {
    Idle,
    Scheduled(Schedule),
    Worker,
    Oneshot,
}

pub(crate) struct Schedule {
    /// The place of the promise that the interval is a `Duration`.
    pub(crate) key: Ident,
    pub(crate) interval: Interval,
}

impl<'a> Model<'a> {
    /// Mistakes come in source order: the arguments, then the item below them.
    pub(crate) fn new(args: &Args, item: &'a Item, errors: &mut Errors) -> Option<Self> {
        let mut library = None;
        let mut shape = None;
        let before = errors.count();
        for argument in &args.list {
            match argument {
                Written::Part(part) if part.key == CRATE => {
                    read_library(part, &mut library, errors);
                }
                Written::Part(part) if SHAPES.iter().any(|known| part.key == known) => {
                    read_shape(part, item, &mut shape, errors);
                }
                Written::Part(part) => report_unknown(part, args, errors),
                Written::Stray(value) => report_stray(value, errors),
                Written::Unreadable(error) => errors.push(error.clone()),
            }
        }
        if shape.is_none() && errors.count() == before {
            report_shapeless(item, errors);
        }
        item.check(errors);
        Some(Self {
            library: library.unwrap_or_default(),
            declared: item.declared()?,
            shape: shape?.1?,
        })
    }
}

fn read_library(part: &Part, library: &mut Option<CratePath>, errors: &mut Errors) {
    if library.is_some() {
        return errors.report(&part.key, "`crate` is given twice", "remove one of the two");
    }
    *library = Some(errors.handle(CratePath::new(part)).unwrap_or_default());
}

/// A shape with a mistake in it is a shape nevertheless: a second one is a second mistake.
type Chosen<'a> = (&'a Ident, Option<Shape>);

fn read_shape<'a>(
    part: &'a Part,
    item: &Item,
    chosen: &mut Option<Chosen<'a>>,
    errors: &mut Errors,
) {
    let name = &part.key;
    if let Some((first, _)) = chosen {
        let sentence = format_args!("a service has one shape, and `{name}` is the second");
        return errors.report(name, sentence, format_args!("keep `{first}` or `{name}`"));
    }
    let shape = match name.to_string().as_str() {
        SCHEDULED => read_schedule(part, item, errors).map(Shape::Scheduled),
        WORKER => check_bare(part, errors).then_some(Shape::Worker),
        ONESHOT => check_bare(part, errors).then_some(Shape::Oneshot),
        _ => check_bare(part, errors).then_some(Shape::Idle),
    };
    *chosen = Some((name, shape));
}

fn check_bare(part: &Part, errors: &mut Errors) -> bool {
    let name = &part.key;
    let place = match &part.form {
        Form::Word => return true,
        Form::List { group, .. } => group.to_token_stream(),
        Form::Value(value) => value.place(Some(name)),
    };
    let sentence = format_args!("the shape `{name}` takes no arguments");
    errors.report(place, sentence, format_args!("write `{name}`"));
    false
}

fn read_schedule(part: &Part, item: &Item, errors: &mut Errors) -> Option<Schedule> {
    let parts = match &part.form {
        Form::List { parts, .. } => parts.as_slice(),
        Form::Word => &[],
        Form::Value(value) => {
            let help = format_args!("write `{SCHEDULED_EXAMPLE}`");
            let place = value.place(Some(&part.key));
            errors.report(
                place,
                "the shape `scheduled` takes its arguments in parentheses",
                help,
            );
            return None;
        }
    };
    let mut interval = None;
    let before = errors.count();
    for argument in parts {
        match argument {
            Written::Part(part) if part.key == INTERVAL && interval.is_some() => {
                errors.report(
                    &part.key,
                    "`interval` is given twice",
                    "remove one of the two",
                );
            }
            Written::Part(part) if part.key == INTERVAL => {
                let value = part.value(INTERVAL_EXAMPLE);
                let read = value.and_then(|value| Interval::new(value, item.declared()));
                interval = Some((&part.key, errors.handle(read)));
            }
            Written::Part(part) => report_unknown_in_schedule(part, interval.is_some(), errors),
            Written::Stray(value) => report_keyless(value, errors),
            Written::Unreadable(error) => errors.push(error.clone()),
        }
    }
    let Some((key, interval)) = interval else {
        if errors.count() == before {
            let help = format_args!("write `{SCHEDULED_EXAMPLE}`");
            errors.report(&part.key, "a scheduled service has no interval", help);
        }
        return None;
    };
    Some(Schedule {
        key: key.clone(),
        interval: interval?,
    })
}

fn report_unknown_in_schedule(part: &Part, has_interval: bool, errors: &mut Errors) {
    let name = part.key.to_string();
    let instead = suggest::instead(&name, &[INTERVAL]).filter(|_| !has_interval);
    let help = instead.unwrap_or_else(|| "remove it".to_owned());
    errors.report(
        &part.key,
        format_args!("unknown argument `{name}` of `scheduled`"),
        help,
    );
}

/// A value that says how long, but not that it is the interval.
fn report_keyless(value: &Value, errors: &mut Errors) {
    let help = match value.leftover().and_then(literal) {
        Some(literal) => format!("write `interval = {}`", literal.to_token_stream()),
        None => format!("write `{INTERVAL_EXAMPLE}`"),
    };
    errors.report(
        value.place(None),
        "the argument of `scheduled` has no name",
        help,
    );
}

/// One word among the arguments that is no shape and no argument of ours.
fn report_unknown(part: &Part, args: &Args, errors: &mut Errors) {
    let name = part.key.to_string();
    if name == INTERVAL {
        let sentence = "`interval` is an argument of `scheduled`";
        return errors.report(
            &part.key,
            sentence,
            format_args!("write `{SCHEDULED_EXAMPLE}`"),
        );
    }
    let has_shape = SHAPES.iter().any(|shape| args.find(shape).is_some());
    match (suggest::instead(&name, &SHAPES), has_shape) {
        (Some(help), false) => {
            errors.report(&part.key, format_args!("unknown shape `{name}`"), help);
        }
        _ => errors.report(
            &part.key,
            format_args!("unknown argument `{name}`"),
            "remove it",
        ),
    }
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
