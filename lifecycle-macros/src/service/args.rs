//! The tokens between the parentheses of `#[service(..)]` go in; what is written there comes out.

use lifecycle_rules::suggest;
use proc_macro2::TokenStream;
use syn::{Expr, Ident};

use crate::syntax::{self, Form, Part, Written};

pub(crate) const CRATE: &str = "crate";
pub(crate) const IDLE: &str = "idle";
pub(crate) const SCHEDULED: &str = "scheduled";
pub(crate) const QUEUE: &str = "queue";
pub(crate) const WORKER: &str = "worker";
pub(crate) const ONESHOT: &str = "oneshot";
pub(crate) const STARTUP: &str = "startup";

pub(crate) const INTERVAL: &str = "interval";
pub(crate) const DELAY: &str = "delay";
pub(crate) const CRON: &str = "cron";
pub(crate) const TZ: &str = "tz";
pub(crate) const FIRST: &str = "first";
pub(crate) const INITIAL_DELAY: &str = "initial_delay";
pub(crate) const JITTER: &str = "jitter";
pub(crate) const MISSED: &str = "missed";
pub(crate) const TICK_TIMEOUT: &str = "tick_timeout";
pub(crate) const ON_ERROR: &str = "on_error";
pub(crate) const MAX_FAILURES: &str = "max_failures";
pub(crate) const SIZE: &str = "size";
pub(crate) const RETRY: &str = "retry";
pub(crate) const ATTEMPTS: &str = "attempts";

pub(crate) const SHAPES: [&str; 5] = [IDLE, SCHEDULED, QUEUE, WORKER, ONESHOT];

/// What has an expression for its value.
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
    pub(crate) list: Vec<Written>,
    /// The first shape, which is the one that counts.
    shape: Option<Ident>,
}

impl Args {
    pub(crate) fn parse(tokens: TokenStream) -> Self {
        let list = syntax::parse_list(tokens);
        let shape = list.iter().find_map(|argument| match argument {
            Written::Part(part) if SHAPES.iter().any(|shape| part.key == shape) => {
                Some(part.key.clone())
            }
            _ => None,
        });
        Self { list, shape }
    }

    /// The first argument of that name.
    pub(crate) fn find(&self, name: &str) -> Option<&Part> {
        self.list.iter().find_map(|argument| match argument {
            Written::Part(part) if part.key == name => Some(part),
            _ => None,
        })
    }

    pub(crate) fn shape(&self) -> Option<&Ident> {
        self.shape.as_ref()
    }

    /// Every value, at any depth, in no order, but for those of arguments that are none of ours and
    /// not nearly: nobody knows what they should be.
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
                        key,
                    }) if suggest::nearest(&key.to_string(), &VALUED).is_some() => {
                        values.extend(value.leftover());
                    }
                    Written::Stray(value) => values.extend(value.leftover()),
                    Written::Part(_) | Written::Unreadable(_) => {}
                }
            }
        }
        values
    }
}
