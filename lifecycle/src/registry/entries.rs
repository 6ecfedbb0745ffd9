//! The declared services: the problems of their names, or the checked plan if there are none.

use std::collections::HashMap;
use std::mem;
use std::sync::Arc;

use crate::engine::settings::ServiceSettings;
use crate::engine::{Edge, Graph};
use crate::panics::CatchOnDrop;
use crate::report::name::Name;
use crate::report::registry_error::RegistryProblem;
use crate::report::status::Shape;
use crate::run::plan::{RegisteredService, ServiceSet, Stores};
use crate::run::unstarted;
use crate::shape::service::{Sealed, Service};
use crate::shared::application::Application;
use lifecycle_rules::graph::{self, Checked, Dependency, DependencyKind};
use lifecycle_rules::restart::check_restart_with;

#[derive(Default)]
pub(crate) struct Entries {
    pub(crate) services: Vec<Entry>,
}

/// The services that the dependencies of each entry are.
pub(crate) struct Resolved(Vec<Vec<graph::Edge>>);

pub(crate) struct Entry {
    pub(crate) node: RegisteredService,
    /// In the order in which they were named.
    dependencies: Vec<(Name, DependencyKind)>,
    restart_with: Vec<Name>,
}

impl Entries {
    pub(crate) fn add(&mut self, name: Name, service: Arc<dyn Service>) -> &mut Entry {
        let nature = service.__nature(Sealed::OPEN);
        let settings = ServiceSettings {
            oneshot: nature.shape == Shape::Oneshot && !nature.in_background,
            registry: matches!(nature.shape, Shape::Registry | Shape::Group),
            disabled: nature.is_disabled,
            ..ServiceSettings::default()
        };
        self.services.push(Entry {
            node: RegisteredService {
                name,
                service: CatchOnDrop::new(service),
                settings,
                before_all: false,
            },
            dependencies: Vec::new(),
            restart_with: Vec::new(),
        });
        // The one just pushed.
        let last = self.services.len() - 1;
        &mut self.services[last]
    }

    /// The problems, and what the names of dependencies stand for.
    pub(crate) fn check(&self) -> (Vec<RegistryProblem>, Resolved) {
        let entries: Vec<graph::Service<'_>> = self.services.iter().map(Entry::entry).collect();
        let Checked { found, edges } = graph::resolve(&entries);
        let mut problems: Vec<_> = found.into_iter().map(RegistryProblem::from).collect();
        for entry in &self.services {
            problems.append(&mut entry.problems());
        }
        (problems, Resolved(edges))
    }

    /// The services that one replica is to run, where there is no store for their leases.
    pub(crate) fn without_store(&self, stores: &Stores) -> impl Iterator<Item = RegistryProblem> {
        let is_missing = stores.leases.is_none();
        let nodes = self.services.iter().map(|entry| &entry.node);
        let leased = nodes.filter(move |node| is_missing && node.settings.leased);
        leased.map(|node| RegistryProblem::without_leases(&node.name))
    }

    /// Of entries without problems. `resolved` is what their check has found, if they were checked here.
    pub(crate) fn plan(mut self, resolved: Option<Resolved>) -> ServiceSet {
        let graph = self.graph(resolved);
        let services = self.take_nodes();
        ServiceSet { services, graph }
    }

    fn take_nodes(&mut self) -> Vec<RegisteredService> {
        let entries = mem::take(&mut self.services);
        entries.into_iter().map(|entry| entry.node).collect()
    }

    fn graph(&self, resolved: Option<Resolved>) -> Graph {
        let base = self.base();
        if base.is_empty() && self.services.iter().all(Entry::is_alone) {
            return Graph::without_edges(self.services.len());
        }
        let Resolved(resolved) = resolved.unwrap_or_else(|| self.resolve());
        let implied = |declared: &Entry, named: &[graph::Edge]| -> Vec<Edge> {
            if declared.node.before_all {
                return Vec::new();
            }
            let is_unnamed =
                |base: &&Edge| named.iter().all(|edge| edge.to != base.service as usize);
            base.iter().filter(is_unnamed).copied().collect()
        };
        let entries = self.services.iter().zip(resolved);
        Graph::of(entries.map(|(declared, named)| {
            let implied = implied(declared, &named).into_iter();
            implied.chain(named.into_iter().map(|edge| declared.edge(&edge)))
        }))
    }

    /// Looks the names of all dependencies up. Those that name no service are left out.
    fn resolve(&self) -> Resolved {
        let named = self.services.iter().zip(0..);
        let indexes: HashMap<&str, usize> = named
            .map(|(declared, index)| (&*declared.node.name, index))
            .collect();
        let edges_of = |declared: &Entry| {
            let dependencies = declared.dependencies.iter().enumerate();
            let edge = |(dependency, (name, _)): (usize, &(Name, DependencyKind))| {
                let to = *indexes.get(name.as_str())?;
                Some(graph::Edge { dependency, to })
            };
            dependencies.filter_map(edge).collect()
        };
        Resolved(self.services.iter().map(edges_of).collect())
    }

    /// What `before = all` means for the other services: order, and no need. One that can't do without a
    /// base service names it in its `after`.
    fn base(&self) -> Vec<Edge> {
        let indexed = self.services.iter().zip(0..);
        let base = indexed.filter(|(entry, _)| entry.node.before_all);
        base.map(|(_, service)| Edge {
            service,
            kind: DependencyKind::Wants,
            restarts: false,
        })
        .collect()
    }
}

/// If the entries never become a registry, their services are dropped like those of a registry that never
/// runs.
impl Drop for Entries {
    fn drop(&mut self) {
        if self.services.is_empty() {
            return;
        }
        let graph = Arc::new(self.graph(None));
        let nodes = self.take_nodes();
        let instances = nodes.iter().map(RegisteredService::instance).collect();
        let application = Application::new(instances, graph);
        unstarted::let_go(&application, nodes);
    }
}

impl Entry {
    /// Names no dependency.
    fn is_alone(&self) -> bool {
        self.dependencies.is_empty()
    }

    fn edge(&self, edge: &graph::Edge) -> Edge {
        let (name, kind) = &self.dependencies[edge.dependency];
        Edge {
            service: u32::try_from(edge.to).unwrap_or(u32::MAX),
            kind: *kind,
            restarts: self.restart_with.contains(name),
        }
    }

    pub(crate) fn depend(&mut self, names: impl IntoIterator<Item = Name>, kind: DependencyKind) {
        self.dependencies
            .extend(names.into_iter().map(|name| (name, kind)));
    }

    pub(crate) fn restart_with(&mut self, names: impl IntoIterator<Item = Name>) {
        self.restart_with.extend(names);
    }

    /// The problems of its settings.
    fn problems(&self) -> Vec<RegistryProblem> {
        let RegisteredService { name, settings, .. } = &self.node;
        if self.restart_with.is_empty() {
            return RegistryProblem::of_policy(name, settings.on_failure);
        }
        let after = self.dependencies.iter();
        let after: Vec<&str> = after
            .filter(|(_, kind)| *kind == DependencyKind::After)
            .map(|(name, _)| name.as_str())
            .collect();
        let restart_with: Vec<&str> = self.restart_with.iter().map(Name::as_str).collect();
        let mut problems = RegistryProblem::of_policy(name, settings.on_failure);
        let names = check_restart_with(name, &after, &restart_with).into_iter();
        problems.extend(names.map(|(_, problem)| problem.into()));
        problems
    }

    fn entry(&self) -> graph::Service<'_> {
        graph::Service {
            name: &self.node.name,
            before_all: self.node.before_all,
            dependencies: self
                .dependencies
                .iter()
                .map(|(name, kind)| Dependency { name, kind: *kind })
                .collect(),
        }
    }
}
