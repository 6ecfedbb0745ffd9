//! Rust code in quotes goes in, where only a path or a literal may stand in quotes; the code to
//! write without quotes comes out.
//!
//! In the attribute `self` is the service and there are no variables, so a lone word in small
//! letters is a field of `self`.

use syn::{Expr, Ident};

use crate::bounds::parse;

/// What to write without quotes.
pub(crate) struct Code {
    pub(crate) code: String,
    /// For `every()`, which is most likely the method `self.every()`, but may be this function.
    pub(crate) function: Option<String>,
}

/// `None` if the text is no code, or one word. `fields` are the fields of the struct, if they are
/// known.
pub(crate) fn read(text: &str, fields: Option<&[Ident]>) -> Option<Code> {
    let text = text.trim().trim_end_matches([';', ',']);
    let expr = parse(text)?;
    let is_field = |word: &str| match fields {
        Some(fields) => fields.iter().any(|field| field == word),
        None => true,
    };
    let qualified = qualify(text, is_field);
    match bare(&expr) {
        Expr::Path(path) if path.path.segments.len() < 2 => None,
        Expr::Lit(_) | Expr::Range(_) | Expr::Tuple(_) | Expr::Array(_) => None,
        Expr::Call(call) => Some(match bare(&call.func) {
            Expr::Path(path) if path.path.get_ident().is_some_and(is_small) => {
                // A method of the service would not be given a field of the service.
                let is_function = qualified != text || text.contains("self");
                if is_function {
                    plain(qualified)
                } else {
                    Code {
                        code: format!("self.{text}"),
                        function: Some(text.to_owned()),
                    }
                }
            }
            _ => plain(qualified),
        }),
        _ => plain(qualified).into(),
    }
    .filter(|code| parse(&code.code).is_some())
}

fn plain(code: String) -> Code {
    Code {
        code,
        function: None,
    }
}

/// Without its parentheses.
fn bare(expr: &Expr) -> &Expr {
    match expr {
        Expr::Paren(paren) => bare(&paren.expr),
        other => other,
    }
}

fn is_small(ident: &Ident) -> bool {
    let name = ident.to_string();
    name.starts_with(|first: char| first.is_lowercase() || first == '_')
}

/// Whether the name is written as those of constants are: `EVERY`.
pub(crate) fn is_constant(name: &str) -> bool {
    name.starts_with(char::is_uppercase) && !name.contains(char::is_lowercase)
}

/// Writes `self.` before each word that is a field.
fn qualify(text: &str, is_field: impl Fn(&str) -> bool) -> String {
    // Words in a text or in a closure may be something else.
    if text.contains(['"', '\'', '|']) {
        return text.to_owned();
    }
    let mut qualified = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
        let end = rest.find(|letter| !is_word(letter)).unwrap_or(rest.len());
        if end == 0 {
            qualified.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        }
        let (word, behind) = rest.split_at(end);
        let before = qualified.trim_end();
        let is_member = before.ends_with("::")
            || before.ends_with('#')
            || before.ends_with('.') && !before.ends_with("..");
        let next = behind.trim_start();
        let is_other = next.starts_with("::") || next.starts_with(['(', '!']);
        let is_value = syn::parse_str::<Ident>(word).is_ok_and(|ident| is_small(&ident));
        if is_value && !is_member && !is_other && is_field(word) {
            qualified.push_str("self.");
        }
        qualified.push_str(word);
        rest = behind;
    }
    qualified
}

#[cfg(test)]
mod tests {
    use proc_macro2::Span;
    use syn::Ident;

    use super::read;

    fn told(text: &str) -> Option<String> {
        let fields = ["cfg", "every"].map(|field| Ident::new(field, Span::call_site()));
        let code = read(text, Some(&fields))?;
        Some(match code.function {
            Some(function) => format!("{} or {function}", code.code),
            None => code.code,
        })
    }

    #[test]
    fn what_is_meant() {
        let cases = [
            ("period()", "self.period() or period()"),
            ("period(2)", "self.period(2) or period(2)"),
            ("max(every, cfg.limit)", "max(self.every, self.cfg.limit)"),
            ("period(self)", "period(self)"),
            ("self.period()", "self.period()"),
            ("cfg.every()", "self.cfg.every()"),
            ("cfg.every() * 2", "self.cfg.every() * 2"),
            ("2 * every", "2 * self.every"),
            ("every + EVERY", "self.every + EVERY"),
            ("*self.every", "*self.every"),
            ("CFG.every()", "CFG.every()"),
            ("Self::EVERY", "Self::EVERY"),
            ("crate::every()", "crate::every()"),
            (
                "Duration::from_secs(cfg.secs)",
                "Duration::from_secs(self.cfg.secs)",
            ),
            ("cfg[0].every;", "self.cfg[0].every"),
            ("cfg.every as _", "self.cfg.every as _"),
            (
                "if cfg.a { every } else { B }",
                "if self.cfg.a { self.every } else { B }",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(told(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_code() {
        for text in [
            "",
            "every",
            "30s",
            "a b",
            "cfg..every",
            "cfg.",
            "(",
            "\"",
            "é!",
        ] {
            assert_eq!(told(text), None, "{text}");
        }
    }
}
