//! The entries of a registry go in, in source order; everything that is wrong with them comes out,
//! in source order.
//!
//! Plain data, so that `registry!` and the builder check the same rules and tell them in the same
//! words. Linear and without recursion: a registry as long as a machine can hold is checked, not
//! overflowed.

use std::collections::{HashMap, HashSet};
use std::fmt;

use super::{name, suggest};

#[cfg(test)]
mod tests;

/// A cycle's path and a near name cost more than one step each, so only this many are looked for:
/// nobody mends more at a time, and the check stays linear.
const TOLD: usize = 32;

pub(crate) struct Entry<'a> {
    pub(crate) name: &'a str,
    pub(crate) after: Vec<&'a str>,
}

/// Where to point: a service, or one of its dependencies. Entry 0 for an empty registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) entry: usize,
    pub(crate) dependency: Option<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Problem {
    Empty,
    MalformedName {
        name: String,
        flaw: name::Flaw,
    },
    DuplicateName {
        name: String,
        first: usize,
    },
    UnknownDependency {
        service: String,
        dependency: String,
        instead: Option<String>,
    },
    SelfDependency {
        service: String,
    },
    RepeatedDependency {
        service: String,
        dependency: String,
    },
    Cycle {
        path: Vec<String>,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) place: Place,
    pub(crate) problem: Problem,
}

pub(crate) fn check(entries: &[Entry<'_>]) -> Vec<Found> {
    if entries.is_empty() {
        return vec![Found {
            place: Place {
                entry: 0,
                dependency: None,
            },
            problem: Problem::Empty,
        }];
    }
    let mut found = Vec::new();
    let first = check_names(entries, &mut found);
    let edges = check_dependencies(entries, &first, &mut found);
    check_cycles(entries, &edges, &mut found);
    found.sort_by_key(|problem| problem.place);
    found
}

/// A dependency that names another service of the registry.
struct Edge {
    dependency: usize,
    to: usize,
}

/// Also answers which entry a name stands for: the first that has it.
fn check_names<'a>(entries: &[Entry<'a>], found: &mut Vec<Found>) -> HashMap<&'a str, usize> {
    let mut first = HashMap::with_capacity(entries.len());
    for (index, entry) in entries.iter().enumerate() {
        let name = entry.name.to_owned();
        let problem = if let Some(&first) = first.get(entry.name) {
            Problem::DuplicateName { name, first }
        } else {
            first.insert(entry.name, index);
            match name::check(entry.name) {
                Ok(()) => continue,
                Err(flaw) => Problem::MalformedName { name, flaw },
            }
        };
        found.push(Found {
            place: Place {
                entry: index,
                dependency: None,
            },
            problem,
        });
    }
    first
}

fn check_dependencies(
    entries: &[Entry<'_>],
    first: &HashMap<&str, usize>,
    found: &mut Vec<Found>,
) -> Vec<Vec<Edge>> {
    let mut searches = 0..TOLD;
    let mut edges = Vec::with_capacity(entries.len());
    for (index, entry) in entries.iter().enumerate() {
        let mut listed = HashSet::new();
        let mut resolved = Vec::with_capacity(entry.after.len());
        for (dependency, &name) in entry.after.iter().enumerate() {
            let service = entry.name.to_owned();
            let problem = match first.get(name) {
                _ if !listed.insert(name) => Problem::RepeatedDependency {
                    service,
                    dependency: name.to_owned(),
                },
                Some(&to) if to == index => Problem::SelfDependency { service },
                Some(&to) => {
                    resolved.push(Edge { dependency, to });
                    continue;
                }
                None => Problem::UnknownDependency {
                    instead: searches
                        .next()
                        .and_then(|_| near_service(entries, entry, name)),
                    service,
                    dependency: name.to_owned(),
                },
            };
            let place = Place {
                entry: index,
                dependency: Some(dependency),
            };
            found.push(Found { place, problem });
        }
        edges.push(resolved);
    }
    edges
}

/// Among the services that this one could depend on and doesn't yet.
fn near_service(entries: &[Entry<'_>], service: &Entry<'_>, dependency: &str) -> Option<String> {
    let mut passed: HashSet<&str> = service.after.iter().copied().collect();
    passed.insert(service.name);
    let others: Vec<&str> = entries
        .iter()
        .map(|entry| entry.name)
        .filter(|name| passed.insert(name))
        .collect();
    suggest::instead(dependency, &others)
}

/// Reports each cycle once, at its dependency that comes first in the source: registries list a
/// service after what it depends on, so the one that looks ahead is most likely the wrong one.
fn check_cycles(entries: &[Entry<'_>], edges: &[Vec<Edge>], found: &mut Vec<Found>) {
    for mut cycle in find_cycles(edges) {
        let Some(start) = (0..cycle.len()).min_by_key(|&step| cycle[step]) else {
            continue;
        };
        cycle.rotate_left(start);
        let Place { entry, .. } = cycle[0];
        let round = cycle.iter().map(|step| step.entry).chain([entry]);
        let path = round.map(|index| entries[index].name.to_owned()).collect();
        found.push(Found {
            place: cycle[0],
            problem: Problem::Cycle { path },
        });
    }
}

/// A depth-first walk with its own stack. Each edge back into the path that led to it closes one
/// cycle; the steps of the cycle are the dependencies taken.
fn find_cycles(edges: &[Vec<Edge>]) -> Vec<Vec<Place>> {
    #[derive(Clone, Copy)]
    enum Mark {
        New,
        OnPath { depth: usize },
        Done,
    }

    let mut cycles = Vec::new();
    let mut marks = vec![Mark::New; edges.len()];
    for root in 0..edges.len() {
        if !matches!(marks[root], Mark::New) {
            continue;
        }
        marks[root] = Mark::OnPath { depth: 0 };
        let mut path = vec![(root, 0)];
        while let Some((entry, taken)) = path.last_mut() {
            let Some(edge) = edges[*entry].get(*taken) else {
                marks[*entry] = Mark::Done;
                path.pop();
                continue;
            };
            *taken += 1;
            match marks[edge.to] {
                Mark::New => {
                    marks[edge.to] = Mark::OnPath { depth: path.len() };
                    path.push((edge.to, 0));
                }
                Mark::OnPath { depth } if cycles.len() < TOLD => {
                    let step = |&(entry, taken): &(usize, usize)| Place {
                        entry,
                        dependency: Some(edges[entry][taken - 1].dependency),
                    };
                    cycles.push(path[depth..].iter().map(step).collect());
                }
                Mark::OnPath { .. } | Mark::Done => {}
            }
        }
    }
    cycles
}

/// The sentence: what is wrong, and with which name.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the registry has no services"),
            Self::MalformedName {
                flaw: flaw @ name::Flaw::Empty,
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
                ..
            } => {
                let (service, dependency) = (code(service), code(dependency));
                write!(
                    f,
                    "{service} depends on {dependency}, which is not in the registry"
                )
            }
            Self::SelfDependency { service } => write!(f, "{} depends on itself", code(service)),
            Self::RepeatedDependency {
                service,
                dependency,
            } => {
                write!(f, "{} depends on {} twice", code(service), code(dependency))
            }
            Self::Cycle { path } => {
                let path = code(&path.join(" -> "));
                write!(f, "services depend on each other in a cycle: {path}")
            }
        }
    }
}

impl Problem {
    /// What to write instead.
    pub(crate) fn help(&self) -> String {
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
            Self::UnknownDependency {
                instead: None,
                dependency,
                ..
            } => {
                format!(
                    "add a service named {}, or remove the dependency",
                    code(dependency)
                )
            }
            Self::SelfDependency { service } => {
                format!("remove {} from its dependencies", quoted(service))
            }
            Self::RepeatedDependency { dependency, .. } => {
                format!("remove one {}", quoted(dependency))
            }
            Self::Cycle { .. } => {
                "remove one of these dependencies, so that one of the services can start first"
                    .to_owned()
            }
        }
    }
}

fn code(text: &str) -> String {
    format!("`{}`", text.escape_debug())
}

/// As it is written in source: with its quotes.
fn quoted(name: &str) -> String {
    format!("`\"{}\"`", name.escape_debug())
}
