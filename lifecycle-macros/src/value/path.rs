//! A path in quotes, such as `"cfg.gc.interval"`, goes in; the names of its fields come out. It
//! begins at `self`.

use std::fmt::Write;

use lifecycle_rules::{cron, suggest};
use proc_macro2::Ident;
use syn::ext::IdentExt;
use syn::parse::Parser;
use syn::{Error, LitInt, LitStr, Result};

use crate::errors::problem_at;
use crate::value::notation;

use super::code::{self, Code, is_constant};
use super::crontab;
use super::fields::Fields;
use super::quantity::Quantity;

/// The value of an option, in quotes.
pub(crate) struct Quoted<'a> {
    pub(crate) text: &'a LitStr,
    written: String,
    option: &'a str,
    /// The option's name with spaces in it, for a sentence.
    noun: String,
    quantity: Quantity,
    fields: Option<&'a Fields>,
}

impl<'a> Quoted<'a> {
    pub(crate) fn new(
        text: &'a LitStr,
        option: &'a str,
        quantity: Quantity,
        fields: Option<&'a Fields>,
    ) -> Self {
        Self {
            text,
            written: text.value(),
            option,
            noun: option.replace('_', " "),
            quantity,
            fields,
        }
    }

    pub(crate) fn begins_path(&self) -> bool {
        let first = |first: char| first.is_alphabetic() || first == '_';
        self.written.starts_with(first) || is_tuple_path(&self.written)
    }

    pub(crate) fn parse_path(&self) -> Result<Vec<Ident>> {
        let fields = self.written.split('.').map(parse_field);
        let Some(path) = fields.collect::<Option<Vec<_>>>() else {
            return Err(self.refuse());
        };
        if let Some(first) = path.first() {
            self.check_field(first)?;
        }
        Ok(path)
    }

    /// Refuses the text. The caret is as wide as the whole literal, so the sentence names the part
    /// that is wrong.
    pub(crate) fn refuse(&self) -> Error {
        let told = self
            .tell_notation()
            .or_else(|| self.tell_cron())
            .or_else(|| self.tell_number())
            .or_else(|| self.tell_path())
            .or_else(|| self.tell_code());
        let (sentence, help) = told.unwrap_or_else(|| (self.neither(), self.advise()));
        problem_at(self.text, sentence, help)
    }

    fn neither(&self) -> String {
        let literal = self.quantity.noun();
        let written = self.written.escape_debug();
        let noun = &self.noun;
        format!("the {noun} `{written}` is neither a field path nor a {literal}")
    }

    /// A duration in another notation.
    fn tell_notation(&self) -> Option<(String, String)> {
        if self.quantity != Quantity::Duration {
            return None;
        }
        let Self {
            written, option, ..
        } = self;
        let here = notation::duration(written)?;
        Some((
            format!(
                "`{}` is not how a duration is written",
                written.escape_debug()
            ),
            format!("write `{option} = \"{here}\"`"),
        ))
    }

    /// A number in quotes is neither a path nor a duration.
    fn tell_number(&self) -> Option<(String, String)> {
        let Self {
            written, option, ..
        } = self;
        let is_number = self.quantity == Quantity::Count
            && written.starts_with(|first: char| first.is_ascii_digit());
        let number: u32 = syn::parse_str::<LitInt>(written)
            .ok()
            .filter(|number| is_number && number.suffix().is_empty())?
            .base10_parse()
            .ok()?;
        Some(if number == 0 {
            let example = self.quantity.example();
            (
                format!("`{option}` is zero"),
                format!("write a number above zero, such as `{option} = {example}`"),
            )
        } else {
            (
                format!("the number `{written}` is in quotes"),
                format!("write `{option} = {written}`"),
            )
        })
    }

    /// A path that begins with `self`, or goes through a tuple field or a keyword.
    fn tell_path(&self) -> Option<(String, String)> {
        let Self {
            written,
            option,
            noun,
            ..
        } = self;
        let rest = written.strip_prefix("self.");
        let fields: Vec<&str> = rest.unwrap_or(written).split('.').collect();
        let is_sound = fields.iter().all(|field| is_index(field) || is_word(field));
        if !is_sound || is_index(written) {
            return None;
        }
        let path = fields.join(".");
        let index = fields.iter().find(|field| is_index(field));
        let raw = fields.iter().map(|field| match parse_field(field) {
            Some(_) => (*field).to_owned(),
            None => format!("r#{field}"),
        });
        let raw = raw.collect::<Vec<_>>().join(".");
        let keyword = fields.iter().find(|field| parse_field(field).is_none());
        let sentence = match (rest, index, keyword) {
            (Some(_), _, _) => format!("the {noun} `{written}` begins with `self`"),
            (None, Some(index), _) => {
                format!("the {noun} `{written}` goes through the tuple field `{index}`")
            }
            (None, None, Some(keyword)) => {
                format!("the {noun} `{written}` goes through `{keyword}`, which is a keyword")
            }
            (None, None, None) => return None,
        };
        let help = match (rest, index) {
            (_, Some(_)) => format!("write it without quotes: `{option} = self.{path}`"),
            (Some(_), None) => {
                format!("write `{option} = \"{raw}\"`: a path in quotes begins there already")
            }
            (None, None) => format!("write `{option} = \"{raw}\"`"),
        };
        Some((sentence, help))
    }

    fn tell_code(&self) -> Option<(String, String)> {
        let option = self.option;
        let Code { code, function } = code::read(&self.written, self.names())?;
        let mut help = format!("write it without quotes: `{option} = {code}`");
        if let Some(function) = function {
            let _ = write!(help, ", or `{option} = {function}` if that is a function");
        }
        Some((self.neither(), help))
    }

    fn names(&self) -> Option<&'a [Ident]> {
        self.fields?.names.as_deref()
    }

    /// Checks the first field, which belongs to the struct under the attribute: no others are known
    /// here, and for the others rustc's own message is good. A constant is refused even if the
    /// fields are unknown, because no field is named so.
    fn check_field(&self, field: &Ident) -> Result<()> {
        let name = field.to_string();
        let fields = self.names();
        let may_be_field = fields.map_or(!is_constant(&name), |fields| fields.contains(field));
        if may_be_field {
            return Ok(());
        }
        let known: Vec<String> = fields
            .iter()
            .flat_map(|fields| fields.iter())
            .map(Ident::to_string)
            .collect();
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        let near = suggest::nearest(&name, &known);
        let told = self.tell_cron().or_else(|| self.tell_notation());
        let (sentence, help) = match (told, near) {
            (Some(told), _) => told,
            (None, near) if is_constant(&name) => self.tell_constant(&name, near),
            (None, Some(near)) => (self.unknown(&name), format!("did you mean `{near}`?")),
            (None, None) => (self.unknown(&name), self.advise_instead_of(&name, &known)),
        };
        Err(problem_at(self.text, sentence, help))
    }

    fn unknown(&self, field: &str) -> String {
        let of = self.fields.map(|fields| fields.of.to_string());
        format!("`{}` has no field `{field}`", of.unwrap_or_default())
    }

    /// An interval where a cron expression goes, or a nickname without its `@`.
    fn tell_cron(&self) -> Option<(String, String)> {
        let written = &self.written;
        if self.quantity != Quantity::Cron {
            return None;
        }
        if let Some(help) = crontab::advise_interval(written) {
            let problem = cron::parse(written).err()?;
            return Some((problem.sentence(written), help));
        }
        let nickname = cron::parse(&format!("@{written}")).err()?;
        let help = nickname.help();
        let is_known = help.starts_with("write `");
        is_known.then(|| (nickname.sentence(written), help))
    }

    fn tell_constant(&self, name: &str, near: Option<&str>) -> (String, String) {
        let Self {
            written, option, ..
        } = self;
        let help = match near {
            Some(near) => {
                let path = written.replacen(name, near, 1);
                format!(
                    "write `{option} = {written}`, or `{option} = \"{path}\"` for the field `{near}`"
                )
            }
            None => format!("write `{option} = {written}`"),
        };
        (format!("the constant `{written}` is in quotes"), help)
    }

    fn advise(&self) -> String {
        let (noun, example) = (self.quantity.noun(), self.quantity.example());
        let known: Vec<String> = self
            .names()
            .iter()
            .flat_map(|fields| fields.iter())
            .map(Ident::to_string)
            .collect();
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        match begin(&known) {
            Some(begin) => format!("{begin}, or write a {noun} such as `{example}`"),
            None => format!("write a {noun} such as `{example}`"),
        }
    }

    /// The word may be a method, a duration, or a field with another name.
    fn advise_instead_of(&self, field: &str, known: &[&str]) -> String {
        let (noun, example) = (self.quantity.noun(), self.quantity.example());
        let begin = begin(known).map_or_else(String::new, |begin| format!("{begin}, "));
        format!(
            "{begin}write a {noun} such as `{example}`, or call a method without quotes: `self.{field}()`"
        )
    }
}

/// The fields that a path could begin with.
fn begin(known: &[&str]) -> Option<String> {
    match known {
        [] => None,
        [one] => Some(format!("begin with its field `{one}`")),
        few if few.len() <= 5 => Some(format!(
            "begin with one of its fields `{}`",
            few.join("`, `")
        )),
        _ => Some("begin with one of its fields".to_owned()),
    }
}

fn parse_field(field: &str) -> Option<Ident> {
    let ident = syn::parse_str(field).ok()?;
    (!field.contains(char::is_whitespace)).then_some(ident)
}

/// Whether a field may have this name, if need be as `r#type`.
fn is_word(field: &str) -> bool {
    let never = ["self", "Self", "super", "crate", "_"];
    Ident::parse_any.parse_str(field).is_ok()
        && !field.contains(char::is_whitespace)
        && !never.contains(&field)
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
