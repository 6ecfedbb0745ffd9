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
use lifecycle_rules::graph::{self, Dependency, DependencyKind, check};
use lifecycle_rules::restart::check_restart_with;

#[derive(Default)]
pub(crate) struct Entries {
    pub(crate) services: Vec<Entry>,
}

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

    pub(crate) fn problems(&self) -> impl Iterator<Item = RegistryProblem> {
        let entries: Vec<graph::Service<'_>> = self.services.iter().map(Entry::entry).collect();
        let of_the_graph = check(&entries).into_iter().map(RegistryProblem::from);
        of_the_graph.chain(self.services.iter().flat_map(Entry::problems))
    }

    /// The services that one replica is to run, where there is no store for their leases.
    pub(crate) fn without_store(&self, stores: &Stores) -> impl Iterator<Item = RegistryProblem> {
        let is_missing = stores.leases.is_none();
        let nodes = self.services.iter().map(|entry| &entry.node);
        let leased = nodes.filter(move |node| is_missing && node.settings.leased);
        leased.map(|node| RegistryProblem::without_leases(&node.name))
    }

    /// Of entries without problems.
    pub(crate) fn plan(mut self) -> ServiceSet {
        let graph = self.graph();
        let services = self.take_nodes();
        ServiceSet { services, graph }
    }

    fn take_nodes(&mut self) -> Vec<RegisteredService> {
        let entries = mem::take(&mut self.services);
        entries.into_iter().map(|entry| entry.node).collect()
    }

    fn graph(&self) -> Graph {
        let base = self.base();
        if base.is_empty() && self.services.iter().all(Entry::is_alone) {
            return Graph::without_edges(self.services.len());
        }
        let indexes: HashMap<&str, u32> = self
            .services
            .iter()
            .zip(0..)
            .map(|(declared, index)| (&*declared.node.name, index))
            .collect();
        let edge = |declared: &Entry, (name, kind): &(Name, DependencyKind)| {
            Some(Edge {
                service: *indexes.get(name.as_str())?,
                kind: *kind,
                restarts: declared.restart_with.contains(name),
            })
        };
        let edges_of = |declared: &Entry| {
            let named = declared.dependencies.iter();
            let named: Vec<Edge> = named.filter_map(|name| edge(declared, name)).collect();
            let is_unnamed = |base: &&Edge| named.iter().all(|edge| edge.service != base.service);
            let base = if declared.node.before_all {
                &[]
            } else {
                &*base
            };
            let implied: Vec<Edge> = base.iter().filter(is_unnamed).copied().collect();
            [implied, named].concat()
        };
        let dependencies: Vec<Vec<Edge>> = self.services.iter().map(edges_of).collect();
        Graph::new(&dependencies)
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
        let graph = Arc::new(self.graph());
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
