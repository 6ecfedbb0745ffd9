//! A service name goes in; its problem comes out, and a well-formed name that is close to it.

use std::borrow::Cow;
use std::fmt;

/// Names are labels in logs, metrics and probes, so they stay short.
const LONGEST: usize = 31;

/// Why a name is not `[a-z][a-z0-9_-]{0,30}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NameProblem {
    /// No letters at all.
    Empty,
    /// So many characters.
    TooLong(usize),
    /// A digit or a sign comes first.
    Start,
    /// The first character that no name has.
    Character(char),
}

/// Whether a service may have this name.
///
/// # Errors
///
/// The first problem.
pub fn check(name: &str) -> Result<(), NameProblem> {
    let Some(first) = name.chars().next() else {
        return Err(NameProblem::Empty);
    };
    // By bytes, because an application may have many names: only one with a bad character is looked at by letters.
    if !name.bytes().all(|byte| is_allowed(char::from(byte))) {
        let bad = name.chars().find(|&letter| !is_allowed(letter));
        return Err(NameProblem::Character(bad.unwrap_or(first)));
    }
    if !first.is_ascii_lowercase() {
        return Err(NameProblem::Start);
    }
    if name.len() > LONGEST {
        return Err(NameProblem::TooLong(name.len()));
    }
    Ok(())
}

/// Messages cut off names that are longer than this, which is far more than a name may have.
const SHOWN: usize = 4 * LONGEST;

/// The name for a message, cut off if it is very long.
#[must_use]
pub fn shorten(name: &str) -> Cow<'_, str> {
    match name.char_indices().nth(SHOWN) {
        Some((end, _)) => Cow::Owned(format!("{}..", &name[..end])),
        None => Cow::Borrowed(name),
    }
}

/// The well-formed name that its author most likely meant.
#[must_use]
pub fn repair(name: &str) -> Option<String> {
    if name.len() > SHOWN {
        return None;
    }
    let mut repaired = String::new();
    for letter in name.chars() {
        if is_allowed(letter) {
            repaired.push(letter);
        } else if letter.is_ascii_uppercase() {
            // A capital behind a small letter begins a word: in `TokenStore`, but not in `SDK`.
            if repaired.ends_with(|last: char| last.is_ascii_lowercase())
                && name.contains(|other: char| other.is_ascii_lowercase())
            {
                repaired.push('-');
            }
            repaired.push(letter.to_ascii_lowercase());
        } else if !repaired.ends_with('-') {
            repaired.push('-');
        }
    }
    let repaired = repaired.trim_matches(|edge: char| edge == '-' || edge == '_');
    check(repaired).is_ok().then(|| repaired.to_owned())
}

fn is_allowed(letter: char) -> bool {
    letter.is_ascii_lowercase() || letter.is_ascii_digit() || matches!(letter, '_' | '-')
}

/// Continues "the service name `x` ..".
impl fmt::Display for NameProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("is empty"),
            Self::TooLong(length) => write!(f, "is {length} characters long"),
            Self::Start => f.write_str("does not begin with a letter"),
            Self::Character(' ') => f.write_str("has a space in it"),
            Self::Character(upper) if upper.is_ascii_uppercase() => {
                write!(f, "has the capital `{upper}` in it")
            }
            Self::Character(other) => write!(f, "has `{}` in it", other.escape_debug()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{NameProblem, check, repair};

    #[test]
    fn well_formed_names_pass() {
        for name in [
            "a",
            "gc",
            "token-store",
            "api_v2",
            "x-",
            "a23456789-123456789_123456789-1",
        ] {
            assert_eq!(check(name), Ok(()), "{name}");
        }
    }

    #[test]
    fn malformed_names_are_told_and_repaired() {
        let cases = [
            ("", NameProblem::Empty, None),
            ("Store", NameProblem::Character('S'), Some("store")),
            (
                "TokenStore",
                NameProblem::Character('T'),
                Some("token-store"),
            ),
            ("SDK", NameProblem::Character('S'), Some("sdk")),
            (
                "token store",
                NameProblem::Character(' '),
                Some("token-store"),
            ),
            ("api.v2", NameProblem::Character('.'), Some("api-v2")),
            ("a//b", NameProblem::Character('/'), Some("a-b")),
            ("_gc", NameProblem::Start, Some("gc")),
            ("2nd", NameProblem::Start, None),
            ("größe", NameProblem::Character('ö'), Some("gr-e")),
            ("a\nb", NameProblem::Character('\n'), Some("a-b")),
            (
                "a23456789-123456789_123456789-12",
                NameProblem::TooLong(32),
                None,
            ),
            ("---", NameProblem::Start, None),
        ];
        for (name, problem, repaired) in cases {
            assert_eq!(check(name), Err(problem), "{name:?}");
            assert_eq!(repair(name).as_deref(), repaired, "{name:?}");
        }
    }
}
