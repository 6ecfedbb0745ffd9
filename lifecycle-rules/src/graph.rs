//! The entries of a registry go in, in source order; all of their problems come out, in source
//! order.
//!
//! The check takes linear time and has no recursion, so that a registry of any length is checked
//! without a stack overflow.

use std::collections::HashSet;
use std::collections::hash_map::{Entry as Slot, HashMap};

pub use self::problem::GraphProblem;
use crate::{name, suggest};

mod problem;
#[cfg(test)]
mod tests;

/// The most cycles, and the most near names, that are searched for. Each takes more than constant
/// time, and a reader corrects no more of them at once.
const TOLD: usize = 32;

/// One service of a registry.
#[derive(Debug)]
pub struct Service<'a> {
    /// As it is written, which may be malformed.
    pub name: &'a str,
    /// Whether it is a base service: every service that is none starts after it.
    pub before_all: bool,
    /// In source order.
    pub dependencies: Vec<Dependency<'a>>,
}

/// One name in the `after` or in the `wants` of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dependency<'a> {
    /// The name of the service that it asks for.
    pub name: &'a str,
    /// The list that it stands in.
    pub kind: DependencyKind,
}

/// What a dependency asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DependencyKind {
    /// Order and need: the dependent fails with it.
    After,
    /// Order only: the dependent goes on without it.
    Wants,
}

/// Where to point: a service, or one of its dependencies. Service 0 for an empty registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The index of the service.
    pub entry: usize,
    /// The index of the dependency among those of the service.
    pub dependency: Option<usize>,
}

/// A problem and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What to point at.
    pub place: Place,
    /// What is wrong there.
    pub problem: GraphProblem,
}

/// What is wrong with services, and whom they depend on.
#[derive(Debug)]
pub struct Checked {
    /// Everything that is wrong, in source order.
    pub found: Vec<Found>,
    /// The dependencies of each service, in source order: all of them, if nothing is wrong.
    pub edges: Vec<Vec<Edge>>,
}

/// Everything that is wrong with these services, in source order.
#[must_use]
pub fn check(entries: &[Service<'_>]) -> Vec<Found> {
    resolve(entries).found
}

/// The same, with the services that the names of dependencies stand for.
#[must_use]
pub fn resolve(entries: &[Service<'_>]) -> Checked {
    if entries.is_empty() {
        let place = Place {
            entry: 0,
            dependency: None,
        };
        let problem = GraphProblem::Empty;
        return Checked {
            found: vec![Found { place, problem }],
            edges: Vec::new(),
        };
    }
    let mut found = Vec::new();
    let first = check_names(entries, &mut found);
    let edges = check_dependencies(entries, &first, &mut found);
    check_cycles(entries, &edges, &mut found);
    found.sort_by_key(|problem| problem.place);
    Checked { found, edges }
}

/// A dependency that names another service of the registry.
#[derive(Debug)]
pub struct Edge {
    /// The index of the dependency among those of its service.
    pub dependency: usize,
    /// The index of the other service.
    pub to: usize,
}

/// A dependency that is named twice is found by looking through so many names, and by a map if there are more.
const SCANNED: usize = 16;

/// Also returns the entry of each name: the first one, if several have it.
fn check_names<'a>(entries: &[Service<'a>], found: &mut Vec<Found>) -> HashMap<&'a str, usize> {
    let mut first = HashMap::with_capacity(entries.len());
    for (index, entry) in entries.iter().enumerate() {
        let name = || entry.name.to_owned();
        let problem = match first.entry(entry.name) {
            Slot::Occupied(first) => GraphProblem::DuplicateName {
                name: name(),
                first: *first.get(),
            },
            Slot::Vacant(place) => {
                place.insert(index);
                match name::check(entry.name) {
                    Ok(()) => continue,
                    Err(flaw) => GraphProblem::MalformedName { name: name(), flaw },
                }
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
    entries: &[Service<'_>],
    first: &HashMap<&str, usize>,
    found: &mut Vec<Found>,
) -> Vec<Vec<Edge>> {
    let mut searches = 0..TOLD;
    let mut edges = Vec::with_capacity(entries.len());
    for (index, entry) in entries.iter().enumerate() {
        let mut listed = (entry.dependencies.len() > SCANNED).then(HashMap::new);
        let mut resolved = Vec::with_capacity(entry.dependencies.len());
        for (dependency, &Dependency { name, kind }) in entry.dependencies.iter().enumerate() {
            let service = || entry.name.to_owned();
            let before = match &mut listed {
                Some(listed) => *listed.entry(name).or_insert((dependency, kind)),
                None => first_named(entry, dependency),
            };
            let problem = match first.get(name) {
                _ if before.0 != dependency => repeated(service(), name, kind, before.1),
                Some(&to) if to == index => GraphProblem::SelfDependency {
                    service: service(),
                    kind,
                },
                // The other one starts after this one, because it does not start before all as well.
                Some(&to) if entry.before_all && !entries[to].before_all => {
                    GraphProblem::NotBeforeAll {
                        service: service(),
                        dependency: name.to_owned(),
                        kind,
                    }
                }
                Some(&to) => {
                    resolved.push(Edge { dependency, to });
                    continue;
                }
                None => GraphProblem::UnknownDependency {
                    instead: searches
                        .next()
                        .and_then(|_| near_service(entries, entry, name)),
                    service: service(),
                    dependency: name.to_owned(),
                    kind,
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

/// Where the name of this dependency comes first, and the kind that it has there.
fn first_named(entry: &Service<'_>, dependency: usize) -> (usize, DependencyKind) {
    let name = entry.dependencies[dependency].name;
    let mut named = entry.dependencies[..dependency].iter();
    let first = named
        .position(|other| other.name == name)
        .unwrap_or(dependency);
    (first, entry.dependencies[first].kind)
}

/// The problem of a name that is listed twice, the first time in `before`.
fn repeated(
    service: String,
    name: &str,
    kind: DependencyKind,
    before: DependencyKind,
) -> GraphProblem {
    let dependency = name.to_owned();
    if kind == before {
        GraphProblem::RepeatedDependency {
            service,
            dependency,
            kind,
        }
    } else {
        GraphProblem::TwofoldDependency {
            service,
            dependency,
        }
    }
}

/// The most similar name among the services that this one could depend on and does not yet.
fn near_service(
    entries: &[Service<'_>],
    service: &Service<'_>,
    dependency: &str,
) -> Option<String> {
    let listed = service.dependencies.iter();
    let mut passed: HashSet<&str> = listed.map(|dependency| dependency.name).collect();
    passed.insert(service.name);
    let others: Vec<&str> = entries
        .iter()
        .map(|entry| entry.name)
        .filter(|name| passed.insert(name))
        .collect();
    // A malformed name is a problem of its own, so it is not proposed.
    let near = suggest::nearest(dependency, &others)?;
    name::check(near)
        .is_ok()
        .then(|| format!("did you mean `{near}`?"))
}

/// Reports each cycle once, at its first dependency in the source. Registries list a service behind
/// its dependencies, so a dependency on a later service is most likely the wrong one.
fn check_cycles(entries: &[Service<'_>], edges: &[Vec<Edge>], found: &mut Vec<Found>) {
    for mut cycle in find_cycles(edges) {
        let Some(start) = (0..cycle.len()).min_by_key(|&step| cycle[step]) else {
            continue;
        };
        cycle.rotate_left(start);
        let Place { entry, .. } = cycle[0];
        let round = cycle.iter().map(|step| step.entry).chain([entry]);
        let path = round.map(|index| entries[index].name.to_owned()).collect();
        let wants = cycle.iter().any(|step| is_wanted(entries, step));
        found.push(Found {
            place: cycle[0],
            problem: GraphProblem::Cycle { path, wants },
        });
    }
}

fn is_wanted(entries: &[Service<'_>], step: &Place) -> bool {
    let dependencies = &entries[step.entry].dependencies;
    let dependency = step.dependency.and_then(|index| dependencies.get(index));
    dependency.is_some_and(|dependency| dependency.kind == DependencyKind::Wants)
}

/// A depth-first walk with a stack of its own. An edge back into the current path closes a cycle,
/// whose steps are the dependencies on that path.
fn find_cycles(edges: &[Vec<Edge>]) -> Vec<Vec<Place>> {
    #[derive(Clone, Copy)]
    enum Mark {
        New,
        OnPath { depth: usize },
        Done,
    }

    let mut cycles = Vec::new();
    let mut marks = vec![Mark::New; edges.len()];
    let mut path = Vec::new();
    for root in 0..edges.len() {
        if !matches!(marks[root], Mark::New) {
            continue;
        }
        marks[root] = Mark::OnPath { depth: 0 };
        path.push((root, 0));
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
