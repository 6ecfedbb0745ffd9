//! The tokens between the parentheses of `#[service(..)]` go in; the arguments come out as they are
//! written.

use lifecycle_rules::suggest;
use proc_macro2::TokenStream;
use syn::{Expr, Ident};

use crate::syntax::{self, Argument, Form, NamedArgument};
use crate::words::{CRON, DELAY, INITIAL_DELAY, INTERVAL, JITTER, SHAPES, SIZE, TICK_TIMEOUT, TZ};

/// The options whose value may be an expression.
const VALUED: [&str; 8] = [
    INTERVAL,
    DELAY,
    CRON,
    TZ,
    INITIAL_DELAY,
    JITTER,
    TICK_TIMEOUT,
    SIZE,
];

#[derive(Default)]
pub(crate) struct Args {
    pub(crate) list: Vec<Argument>,
    /// The first shape, which is the one that counts.
    shape: Option<Ident>,
}

impl Args {
    pub(crate) fn parse(tokens: TokenStream) -> Self {
        let list = syntax::parse_list(tokens);
        let shape = list.iter().find_map(|argument| match argument {
            Argument::Named(argument) if SHAPES.iter().any(|shape| argument.key == shape) => {
                Some(argument.key.clone())
            }
            _ => None,
        });
        Self { list, shape }
    }

    /// The first argument of that name.
    pub(crate) fn find(&self, name: &str) -> Option<&NamedArgument> {
        self.list.iter().find_map(|argument| match argument {
            Argument::Named(argument) if argument.key == name => Some(argument),
            _ => None,
        })
    }

    pub(crate) fn shape(&self) -> Option<&Ident> {
        self.shape.as_ref()
    }

    /// Every value, at any depth and in no order. Values of unknown arguments are left out, because
    /// nothing is known about their types, unless the name is nearly one of an option.
    pub(crate) fn values(&self) -> Vec<&Expr> {
        let mut values = Vec::new();
        let mut lists = vec![&self.list];
        while let Some(list) = lists.pop() {
            for argument in list {
                match argument {
                    Argument::Named(NamedArgument {
                        form: Form::List { arguments, .. },
                        ..
                    }) => lists.push(arguments),
                    Argument::Named(NamedArgument {
                        form: Form::Value(value),
                        key,
                    }) if suggest::nearest(&key.to_string(), &VALUED).is_some() => {
                        values.extend(value.leftover());
                    }
                    Argument::Stray(value) => values.extend(value.leftover()),
                    Argument::Named(_) | Argument::Unreadable(_) => {}
                }
            }
        }
        values
    }
}
