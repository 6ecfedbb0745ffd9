//! The problems of a registry's entries in words: a sentence, and what to write instead.

use std::fmt;

use super::DependencyKind;
use crate::name;

/// What can be wrong with the services of a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(
    missing_docs,
    reason = "`service` is the one at fault, `dependency` a name in its lists"
)]
pub enum GraphProblem {
    /// No services at all.
    Empty,
    /// See [`name::check`].
    MalformedName {
        name: String,
        flaw: name::NameProblem,
    },
    /// `first` is the index of the service that had the name before.
    DuplicateName { name: String, first: usize },
    /// No service of the registry has this name; `instead` is a help that names one.
    UnknownDependency {
        service: String,
        dependency: String,
        kind: DependencyKind,
        instead: Option<String>,
    },
    /// A service that depends on itself.
    SelfDependency {
        service: String,
        kind: DependencyKind,
    },
    /// One list names a dependency twice.
    RepeatedDependency {
        service: String,
        dependency: String,
        kind: DependencyKind,
    },
    /// In `after` and in `wants`.
    TwofoldDependency { service: String, dependency: String },
    /// A service with `before = all` asks for one without.
    NotBeforeAll {
        service: String,
        dependency: String,
        kind: DependencyKind,
    },
    /// Services that wait for each other. `wants`: one of the steps is in a `wants`.
    Cycle { path: Vec<String>, wants: bool },
}

/// The sentence: what is wrong, and with which name.
impl fmt::Display for GraphProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the registry has no services"),
            Self::MalformedName {
                flaw: flaw @ name::NameProblem::Empty,
                ..
            } => {
                write!(f, "the service name {flaw}")
            }
            Self::MalformedName { name, flaw } => {
                write!(f, "the service name {} {flaw}", code(name))
            }
            Self::DuplicateName { name, .. } => {
                write!(f, "another service is already named {}", code(name))
            }
            Self::UnknownDependency {
                service,
                dependency,
                kind,
                ..
            } => {
                let (service, dependency) = (code(service), code(dependency));
                match kind {
                    DependencyKind::After => write!(
                        f,
                        "{service} depends on {dependency}, which is not in the registry"
                    ),
                    DependencyKind::Wants => write!(
                        f,
                        "{service} wants {dependency}, which is not in the registry"
                    ),
                }
            }
            Self::SelfDependency { service, kind } => match kind {
                DependencyKind::After => write!(f, "{} depends on itself", code(service)),
                DependencyKind::Wants => write!(f, "{} wants itself", code(service)),
            },
            Self::RepeatedDependency {
                service,
                dependency,
                kind,
            } => {
                let (service, dependency) = (code(service), code(dependency));
                match kind {
                    DependencyKind::After => write!(f, "{service} depends on {dependency} twice"),
                    DependencyKind::Wants => write!(f, "{service} wants {dependency} twice"),
                }
            }
            Self::TwofoldDependency {
                service,
                dependency,
            } => {
                let (service, dependency) = (code(service), code(dependency));
                write!(
                    f,
                    "{service} has {dependency} in its `after` and in its `wants`"
                )
            }
            Self::NotBeforeAll {
                service,
                dependency,
                ..
            } => {
                let path = [service.as_str(), dependency, service];
                write!(
                    f,
                    "{}, because {} has `before = all`",
                    Round(&path),
                    code(service)
                )
            }
            Self::Cycle { path, .. } => {
                let path: Vec<&str> = path.iter().map(String::as_str).collect();
                write!(f, "{}", Round(&path))
            }
        }
    }
}

impl GraphProblem {
    /// What to write instead.
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            Self::Empty => "add a service: a name and a value".to_owned(),
            Self::MalformedName { name, .. } => {
                let rule = "a lower-case letter, then up to 30 of `a-z`, `0-9`, `-` and `_`";
                match name::repair(name) {
                    Some(repaired) => format!("write {}: {rule}", quoted(&repaired)),
                    None => format!("write {rule}"),
                }
            }
            Self::DuplicateName { first, .. } => {
                format!(
                    "rename this one; the other is service {} of the registry",
                    first + 1
                )
            }
            Self::UnknownDependency {
                instead: Some(instead),
                ..
            } => instead.clone(),
            // A service of that name could not be added.
            Self::UnknownDependency {
                instead: None,
                dependency,
                ..
            } if name::check(dependency).is_err() => {
                "write the name of a service of this registry".to_owned()
            }
            Self::UnknownDependency {
                instead: None,
                dependency,
                kind: DependencyKind::After,
                ..
            } => {
                format!(
                    "add a service named {}, or remove the dependency",
                    code(dependency)
                )
            }
            Self::UnknownDependency {
                instead: None,
                dependency,
                kind: DependencyKind::Wants,
                ..
            } => {
                format!(
                    "add a service named {}, or remove it from `wants`",
                    code(dependency)
                )
            }
            Self::SelfDependency {
                service,
                kind: DependencyKind::After,
            } => format!("remove {} from its dependencies", quoted(service)),
            Self::SelfDependency {
                service,
                kind: DependencyKind::Wants,
            } => format!("remove {} from its `wants`", quoted(service)),
            Self::RepeatedDependency { dependency, .. } => {
                format!("remove one {}", quoted(dependency))
            }
            Self::TwofoldDependency { dependency, .. } => format!(
                "remove one {}: with `after` it fails where that fails, with `wants` it goes on",
                quoted(dependency)
            ),
            Self::NotBeforeAll {
                service,
                dependency,
                kind,
            } => {
                let list = match kind {
                    DependencyKind::After => "after",
                    DependencyKind::Wants => "wants",
                };
                let (service, other) = (code(service), code(dependency));
                format!(
                    "remove {} from the `{list}` of {service}, or write `before = all` for {other} too",
                    quoted(dependency)
                )
            }
            Self::Cycle { wants: false, .. } => {
                "remove one of these dependencies, so that one of the services can start first"
                    .to_owned()
            }
            Self::Cycle { wants: true, .. } => {
                "remove one of these from an `after` or a `wants`, so that one of the services can start first"
                    .to_owned()
            }
        }
    }
}

/// The names of a cycle, in order; the last is the first.
struct Round<'a>(&'a [&'a str]);

impl fmt::Display for Round<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.0.join(" -> ");
        let path = path.escape_debug();
        write!(f, "services depend on each other in a cycle: `{path}`")
    }
}

fn code(text: &str) -> String {
    format!("`{}`", name::shorten(text).escape_debug())
}

/// As it is written in source: with its quotes.
fn quoted(name: &str) -> String {
    format!("`\"{}\"`", name::shorten(name).escape_debug())
}
