//! Tokens go in; arguments come out as they are written, each with the problems of its form.

mod argument;
mod signs;
mod tokens;
mod value;

pub(crate) use self::argument::{Argument, Form, NamedArgument, parse_argument, parse_list};
pub(crate) use self::signs::parse_hyphens;
pub(crate) use self::tokens::{at_equals, find_self, next_token, parse_comma, skip, tidy};
pub(crate) use self::value::{Value, literal, parse_value, ungrouped, word_of};
