//! A text in quotes goes in; the fields that it goes through come out, from `self` on.

use proc_macro2::Ident;
use syn::ext::IdentExt;
use syn::parse::Parser;
use syn::{Error, Expr, LitStr, Result};

use crate::diag::mistake;
use crate::rules::suggest;

use super::item::Type;
use super::reading::Quantity;

/// The value of an option, in quotes.
pub(crate) struct Quoted<'a> {
    pub(crate) text: &'a LitStr,
    written: String,
    option: &'a str,
    /// The option as a sentence has it.
    noun: String,
    quantity: Quantity,
}

impl<'a> Quoted<'a> {
    pub(crate) fn new(text: &'a LitStr, option: &'a str, quantity: Quantity) -> Self {
        Self {
            text,
            written: text.value(),
            option,
            noun: option.replace('_', " "),
            quantity,
        }
    }

    pub(crate) fn begins_path(&self) -> bool {
        let first = |first: char| first.is_alphabetic() || first == '_';
        self.written.starts_with(first) || is_tuple_path(&self.written)
    }

    /// Through a field of the struct to something of another type, of which nobody knows here
    /// what it has.
    pub(crate) fn is_nested(&self) -> bool {
        self.begins_path() && self.written.contains('.')
    }

    pub(crate) fn parse_path(&self, declared: Option<&Type>) -> Result<Vec<Ident>> {
        let fields = self.written.split('.').map(|field| self.parse_field(field));
        let path = fields.collect::<Result<Vec<_>>>()?;
        if let (Some(first), Some(declared)) = (path.first(), declared) {
            self.check_field(first, declared)?;
        }
        Ok(path)
    }

    /// A number in quotes is neither of the two.
    pub(crate) fn refuse_count(&self) -> Error {
        let Self {
            written, option, ..
        } = self;
        if !is_index(written) {
            return self.refuse_path(written);
        }
        mistake(
            self.text,
            format_args!("the number `{written}` is in quotes"),
            format_args!("write `{option} = {written}`"),
        )
    }

    /// It is nothing that could be meant.
    pub(crate) fn refuse(&self) -> Error {
        self.refuse_path(&self.written)
    }

    fn parse_field(&self, field: &str) -> Result<Ident> {
        match syn::parse_str(field) {
            Ok(ident) if !field.contains(char::is_whitespace) => Ok(ident),
            _ => Err(self.refuse_path(field)),
        }
    }

    /// The caret is as wide as the literal, so the sentence has to say what in it is wrong.
    fn refuse_path(&self, field: &str) -> Error {
        let Self {
            written,
            option,
            noun,
            ..
        } = self;
        let (sentence, help) = if let Some(rest) = written.strip_prefix("self.") {
            (
                format!("the {noun} `{written}` begins with `self`"),
                format!("write `{option} = \"{rest}\"`: a path in quotes begins there already"),
            )
        } else if is_index(field) {
            (
                format!("the {noun} `{written}` goes through the tuple field `{field}`"),
                format!("write it without quotes: `{option} = self.{written}`"),
            )
        } else if Ident::parse_any.parse_str(field).is_ok() {
            let raw = written.split('.').map(|other| {
                let prefix = if other == field { "r#" } else { "" };
                format!("{prefix}{other}")
            });
            let raw = raw.collect::<Vec<_>>().join(".");
            (
                format!("the {noun} `{written}` goes through `{field}`, which is a keyword"),
                format!("write `{option} = \"{raw}\"`"),
            )
        } else {
            let literal = self.quantity.noun();
            let written = written.escape_debug();
            (
                format!("the {noun} `{written}` is neither a field path nor a {literal}"),
                self.advise(),
            )
        };
        mistake(self.text, sentence, help)
    }

    fn advise(&self) -> String {
        let Self {
            written, option, ..
        } = self;
        match syn::parse_str(written) {
            Ok(Expr::MethodCall(_) | Expr::Index(_)) => {
                format!("write it without quotes: `{option} = self.{written}`")
            }
            Ok(Expr::Call(_) | Expr::Path(_)) => {
                format!("write it without quotes: `{option} = {written}`")
            }
            _ => {
                let (noun, example) = (self.quantity.noun(), self.quantity.example());
                format!("write a path such as `\"cfg.{option}\"`, or a {noun} such as `{example}`")
            }
        }
    }

    /// Only of the struct itself are the fields known; it is all that rustc could give bad advice
    /// about.
    fn check_field(&self, field: &Ident, declared: &Type) -> Result<()> {
        let Some(fields) = &declared.fields else {
            return Ok(());
        };
        if fields.contains(field) {
            return Ok(());
        }
        let known: Vec<String> = fields.iter().map(Ident::to_string).collect();
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        let help = match suggest::nearest(&field.to_string(), &known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => self.advise_instead_of(field, &known),
        };
        let sentence = format_args!("`{}` has no field `{field}`", declared.ident);
        Err(mistake(self.text, sentence, help))
    }

    /// It may be a method, a duration of another notation, or a field that is called otherwise.
    fn advise_instead_of(&self, field: &Ident, known: &[&str]) -> String {
        let (noun, example) = (self.quantity.noun(), self.quantity.example());
        let begin = match known {
            [] => String::new(),
            [one] => format!("begin with its field `{one}`, "),
            few if few.len() <= 5 => {
                format!("begin with one of its fields `{}`, ", few.join("`, `"))
            }
            _ => "begin with one of its fields, ".to_owned(),
        };
        format!(
            "{begin}write a {noun} such as `{example}`, or call a method without quotes: `self.{field}()`"
        )
    }
}

/// `0.interval`, but not `1.5h`.
fn is_tuple_path(written: &str) -> bool {
    let mut fields = written.split('.');
    fields.next().is_some_and(is_index)
        && fields
            .next_back()
            .is_some_and(|last| syn::parse_str::<Ident>(last).is_ok())
}

fn is_index(field: &str) -> bool {
    !field.is_empty() && field.chars().all(|digit| digit.is_ascii_digit())
}
