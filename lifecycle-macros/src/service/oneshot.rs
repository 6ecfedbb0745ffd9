//! `oneshot` or `oneshot(background)` goes in; whether it runs in the background comes out.

use lifecycle_rules::suggest;
use syn::Error;

use crate::errors::{Errors, problem_at};
use crate::syntax::{Argument, Form, NamedArgument};
use crate::words::{BACKGROUND, ONESHOT};

use super::elsewhere::find_in_registry;

pub(crate) fn read_oneshot(argument: &NamedArgument, errors: &mut Errors) -> Option<bool> {
    let arguments = match &argument.form {
        Form::Word => return Some(false),
        Form::List { arguments, .. } => arguments,
        Form::Value(value) => {
            let place = value.place(Some(&argument.key));
            let sentence = "the shape `oneshot` takes its arguments in parentheses";
            errors.report(place, sentence, help());
            return None;
        }
    };
    let mut background = false;
    let ((), failed) = errors.scope(|errors| {
        for argument in arguments {
            match check(argument, background) {
                Ok(()) => background = true,
                Err(error) => errors.push(error),
            }
        }
    });
    (!failed).then_some(background)
}

/// The one argument that there may be.
fn check(argument: &Argument, is_given: bool) -> Result<(), Error> {
    let argument = match argument {
        Argument::Named(argument) => argument,
        Argument::Stray(value) => {
            let sentence = format_args!("the argument of `{ONESHOT}` has no name");
            return Err(problem_at(value.place(None), sentence, help()));
        }
        Argument::Unreadable(error) => return Err(error.clone()),
    };
    let (key, name) = (&argument.key, argument.key.to_string());
    if name != BACKGROUND {
        if let Some((sentence, help)) = find_in_registry(&name) {
            return Err(problem_at(key, sentence, help));
        }
        let sentence = format_args!("unknown argument `{name}` of `{ONESHOT}`");
        let near = suggest::nearest(&name, &[BACKGROUND]);
        let help = near.map_or_else(
            || "remove it".to_owned(),
            |near| format!("did you mean `{near}`?"),
        );
        return Err(problem_at(key, sentence, help));
    }
    if is_given {
        let sentence = format_args!("`{BACKGROUND}` is given twice");
        return Err(problem_at(key, sentence, "remove one of the two"));
    }
    let place = match &argument.form {
        Form::Word => return Ok(()),
        Form::List { group, .. } => group.stream(),
        Form::Value(value) => value.place(Some(key)),
    };
    let sentence = format_args!("`{BACKGROUND}` takes no value");
    let place = if place.is_empty() {
        quote::quote!(#key)
    } else {
        place
    };
    Err(problem_at(place, sentence, help()))
}

fn help() -> String {
    format!("write `{ONESHOT}` or `{ONESHOT}({BACKGROUND})`")
}
