//! The name of a service: borrowed from the program text or shared from run-time data, cheap to
//! clone either way.

use std::borrow::Borrow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;

/// The name of a service, as declared in the registry.
///
/// It reads as a `&str` and compares with one; cloning never copies the text.
///
/// ```
/// use lifecycle::Name;
///
/// let name = Name::from("tokenizer");
/// assert_eq!(name, "tokenizer");
/// assert!(name.starts_with("token"));
/// ```
#[derive(Clone)]
pub struct Name(Repr);

#[derive(Clone)]
enum Repr {
    Static(&'static str),
    Shared(Arc<str>),
}

impl Name {
    /// The name of a service in an inner application: a path.
    pub(crate) fn within(&self, outer: &Name) -> Self {
        Self::joined(outer, self)
    }

    pub(crate) fn joined(outer: &str, inner: &str) -> Self {
        Self::from([outer, "/", inner].concat())
    }

    /// A name that is shared from now on: it copies the text once.
    pub(crate) fn shared(text: &str) -> Self {
        Self(Repr::Shared(text.into()))
    }

    /// Whether it is the path of a service within this one.
    pub(crate) fn is_within(&self, outer: &Self) -> bool {
        let rest = self.as_str().strip_prefix(outer.as_str());
        rest.is_some_and(|rest| rest.starts_with('/'))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Repr::Static(text) => text,
            Repr::Shared(text) => text,
        }
    }
}

impl From<&'static str> for Name {
    fn from(text: &'static str) -> Self {
        Self(Repr::Static(text))
    }
}

impl From<String> for Name {
    fn from(text: String) -> Self {
        Self(Repr::Shared(text.into()))
    }
}

impl Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for Name {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl Borrow<str> for Name {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Name {}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Name {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_str().cmp(other)
    }
}

impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl PartialEq<str> for Name {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Name {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl PartialEq<Name> for &str {
    fn eq(&self, other: &Name) -> bool {
        *self == other.as_str()
    }
}
