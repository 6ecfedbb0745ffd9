//! The tokens between the parentheses of `#[service(..)]` go in; what is written there comes out.

use proc_macro2::TokenStream;
use syn::Expr;

use crate::written::{self, Form, Part, Written};

pub(crate) const CRATE: &str = "crate";
pub(crate) const IDLE: &str = "idle";
pub(crate) const SCHEDULED: &str = "scheduled";
pub(crate) const WORKER: &str = "worker";
pub(crate) const ONESHOT: &str = "oneshot";
pub(crate) const INTERVAL: &str = "interval";

pub(crate) const SHAPES: [&str; 4] = [IDLE, SCHEDULED, WORKER, ONESHOT];

pub(crate) struct Args {
    pub(crate) list: Vec<Written>,
}

impl Args {
    pub(crate) fn parse(tokens: TokenStream) -> Self {
        Self {
            list: written::parse_list(tokens),
        }
    }

    /// The first argument of that name.
    pub(crate) fn find(&self, name: &str) -> Option<&Part> {
        self.list.iter().find_map(|argument| match argument {
            Written::Part(part) if part.key == name => Some(part),
            _ => None,
        })
    }

    /// Every value, at any depth, in no order.
    pub(crate) fn values(&self) -> Vec<&Expr> {
        let mut values = Vec::new();
        let mut lists = vec![&self.list];
        while let Some(list) = lists.pop() {
            for argument in list {
                match argument {
                    Written::Part(Part {
                        form: Form::List { parts, .. },
                        ..
                    }) => lists.push(parts),
                    Written::Part(Part {
                        form: Form::Value(value),
                        ..
                    })
                    | Written::Stray(value) => values.extend(value.leftover()),
                    Written::Part(_) | Written::Unreadable(_) => {}
                }
            }
        }
        values
    }
}
