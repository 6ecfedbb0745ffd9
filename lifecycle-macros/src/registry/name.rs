//! The beginning of an entry goes in; the name of the service comes out, or a problem that says
//! what to write there.

use lifecycle_rules::{name, suggest};
use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::parse::{ParseStream, Parser};
use syn::{Error, Expr, Ident, Lit, LitStr, Token};

use crate::errors::{Errors, problem_at};
use crate::syntax::{Value, literal, tidy};
use crate::words::{SERVICE_SETTINGS, is_argument};

use super::args::{Name, TypedEntry};
use super::setting::argument_error;

pub(crate) const ENTRY_EXAMPLE: &str = "\"name\" => value";

pub(crate) fn read_name(written: &TypedEntry, errors: &mut Errors) -> Option<LitStr> {
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
            // `STORE` is most likely a constant, whose value is unknown here; as a name it would be
            // malformed.
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

/// Reports a service without a name. The name may be an argument: `service("store", store)`.
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
    problem_at(value, "this service has no name", help)
}

/// The shape in `scheduled(interval = "5s")`, which belongs on the struct.
fn argument_of_service(value: &Expr) -> Option<&Ident> {
    let Expr::Call(call) = value else { return None };
    let Expr::Path(path) = &*call.func else {
        return None;
    };
    let has_options = matches!(call.args.first(), Some(Expr::Assign(_)));
    let ident = path.path.get_ident()?;
    (has_options && is_argument(&ident.to_string())).then_some(ident)
}

pub(crate) fn stray_error(value: &Value) -> Error {
    let place = value.place(None);
    let code = place.clone().into_iter().next().filter(is_code);
    if let Some(word) = code {
        let sentence = format_args!("a registry is a list, and `{word}` is code");
        let help = "put `#[cfg(..)]` before a service, or assemble them with `Registry::builder()`";
        return problem_at(&word, sentence, help);
    }
    let help = match first_in_group(&place) {
        Some(service) => format!("{}, and its settings behind it", name_before(&service)),
        None => format!("write `{ENTRY_EXAMPLE}`, or a setting"),
    };
    problem_at(place, "this is neither a service nor a setting", help)
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

/// A help that writes the value's most likely name before it.
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

/// What the value is called: `store`, `Store::new(..)`, `Store::connect(..).await?`,
/// `Store { .. }`.
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

/// Whether the token begins an expression that may register services: `for`, `if`.
fn is_code(token: &TokenTree) -> bool {
    let words = ["for", "if", "loop", "match", "while"];
    matches!(token, TokenTree::Ident(word) if words.iter().any(|code| word == code))
}
