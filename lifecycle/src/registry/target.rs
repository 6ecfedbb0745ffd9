//! `only`: the services of a target go in; what they need besides comes out, and the problems with it.

use std::collections::{HashMap, HashSet};

use crate::engine::{DependencyKind, Graph};
use crate::report::name::Name;
use crate::report::registry_error::RegistryProblem;
use crate::run::plan::RegisteredService;

/// Disables every service that is not of the target. Without a target all are meant. `names` are those that the
/// services have in this registry, which may be a part of another one.
pub(super) fn narrow(
    services: &mut [RegisteredService],
    names: &[Name],
    graph: &Graph,
    target: Option<&[Name]>,
) -> Vec<RegistryProblem> {
    let mut problems = Vec::new();
    if let Some(target) = target {
        let chosen = chosen(services, names, target, &mut problems);
        let needed = needed(services, graph, chosen);
        for (index, service) in services.iter_mut().enumerate() {
            service.settings.disabled |= !needed.contains(&index);
        }
    }
    problems.extend(unmet(services, names, graph));
    problems
}

/// The services that the target names.
fn chosen(
    services: &[RegisteredService],
    names: &[Name],
    target: &[Name],
    problems: &mut Vec<RegistryProblem>,
) -> Vec<usize> {
    if target.is_empty() {
        problems.push(RegistryProblem::empty_target());
    }
    let indexes: HashMap<&Name, usize> = names.iter().zip(0..).collect();
    let mut chosen = Vec::new();
    for name in target {
        match indexes.get(name) {
            Some(&index) if services[index].settings.disabled => {
                problems.push(RegistryProblem::disabled_target(name));
            }
            Some(&index) => chosen.push(index),
            None => {
                let known: Vec<&str> = names.iter().map(Name::as_str).collect();
                problems.push(RegistryProblem::unknown_target(name, &known));
            }
        }
    }
    chosen
}

/// These, the base services, and all that one of them has in its `after`, directly or through others.
fn needed(services: &[RegisteredService], graph: &Graph, chosen: Vec<usize>) -> HashSet<usize> {
    let is_base = |&index: &usize| services[index].before_all;
    let mut open: Vec<usize> = (0..services.len()).filter(is_base).chain(chosen).collect();
    let mut needed: HashSet<usize> = open.iter().copied().collect();
    while let Some(service) = open.pop() {
        for edge in graph.dependencies(service) {
            let dependency = edge.service as usize;
            if edge.kind == DependencyKind::After && needed.insert(dependency) {
                open.push(dependency);
            }
        }
    }
    needed
}

/// The needs of services that are to be started, where what is needed is disabled.
fn unmet<'a>(
    services: &'a [RegisteredService],
    names: &'a [Name],
    graph: &'a Graph,
) -> impl Iterator<Item = RegistryProblem> + 'a {
    let is_enabled = |(_, service): &(usize, &RegisteredService)| !service.settings.disabled;
    let enabled = services.iter().enumerate().filter(is_enabled);
    enabled.flat_map(move |(index, _)| {
        let needs = graph.dependencies(index).iter();
        let needs = needs.filter(|edge| edge.kind == DependencyKind::After);
        let needs = needs.map(|edge| edge.service as usize);
        let unmet = needs.filter(|&dependency| services[dependency].settings.disabled);
        unmet.map(move |dependency| RegistryProblem::disabled(&names[index], &names[dependency]))
    })
}
