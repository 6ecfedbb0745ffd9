//! What a service depends on, as seen from outside.

use std::fmt;

use crate::report::name::Name;

/// One dependency of a service, as [`Handle::dependencies`](crate::Handle::dependencies) shows it.
///
/// ```
/// # use lifecycle::{DependencyKind, Idle, registry, service};
/// # #[service(idle)] struct Store;
/// # impl Idle for Store {}
/// let registry = registry! { "store" => Store, "api" => Store, after = ["store"] };
/// let needs = registry.handle().dependencies();
/// let of_api = &needs[1];
/// assert_eq!(&*of_api[0].name, "store");
/// assert_eq!(of_api[0].kind, DependencyKind::After);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Dependency {
    /// The service that is depended on.
    pub name: Name,
    /// What is asked of it.
    pub kind: DependencyKind,
}

/// The list in which a dependency stands, or would stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DependencyKind {
    /// `after`: order and need. The dependent fails with it.
    After,
    /// `wants`, or a base service (`before = all`), which all others come after: order only. The dependent
    /// goes on without it.
    Wants,
}

impl DependencyKind {
    /// The word of the registry for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::After => "after",
            Self::Wants => "wants",
        }
    }
}

impl fmt::Display for DependencyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
