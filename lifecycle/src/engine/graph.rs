//! The dependencies of all services, in both directions. Built once from a graph that was checked for
//! cycles.

pub(crate) use lifecycle_rules::graph::DependencyKind;

/// The service at the other end of a dependency, and the kind of the dependency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Edge {
    pub(crate) service: u32,
    pub(crate) kind: DependencyKind,
    /// The dependent is restarted with the dependency.
    pub(crate) restarts: bool,
}

/// Both directions as one array of edges each, cut into a slice per service: two allocations for
/// any number of services.
#[derive(Debug)]
pub(crate) struct Graph {
    dependencies: Edges,
    dependents: Edges,
}

#[derive(Debug)]
struct Edges {
    list: Box<[Edge]>,
    /// `list[starts[i]..starts[i + 1]]` belong to service `i`.
    starts: Box<[u32]>,
}

impl Graph {
    /// `dependencies[i]` are the dependencies of service `i`.
    pub(crate) fn new(dependencies: &[Vec<Edge>]) -> Self {
        let mut reversed = vec![Vec::new(); dependencies.len()];
        for (service, list) in (0_u32..).zip(dependencies) {
            for edge in list {
                reversed[edge.service as usize].push(Edge { service, ..*edge });
            }
        }
        Self {
            dependencies: Edges::new(dependencies),
            dependents: Edges::new(&reversed),
        }
    }

    /// So many services that depend on nothing.
    pub(crate) fn without_edges(count: usize) -> Self {
        Self {
            dependencies: Edges::none(count),
            dependents: Edges::none(count),
        }
    }

    /// All services, `count` of them, dependents before what they depend on.
    pub(crate) fn stop_order(&self, count: usize) -> Vec<usize> {
        let mut open: Vec<usize> = (0..count)
            .map(|service| self.dependents(service).len())
            .collect();
        let mut order: Vec<usize> = (0..count).filter(|&service| open[service] == 0).collect();
        let mut next = 0;
        while let Some(&service) = order.get(next) {
            for edge in self.dependencies(service) {
                let dependency = edge.service as usize;
                open[dependency] -= 1;
                if open[dependency] == 0 {
                    order.push(dependency);
                }
            }
            next += 1;
        }
        order
    }

    pub(crate) fn dependencies(&self, service: usize) -> &[Edge] {
        self.dependencies.of(service)
    }

    pub(crate) fn dependents(&self, service: usize) -> &[Edge] {
        self.dependents.of(service)
    }
}

impl Edges {
    fn none(count: usize) -> Self {
        Self {
            list: Box::default(),
            starts: vec![0; count + 1].into(),
        }
    }

    fn new(lists: &[Vec<Edge>]) -> Self {
        let mut edges = Vec::with_capacity(lists.iter().map(Vec::len).sum());
        let mut starts = Vec::with_capacity(lists.len() + 1);
        for list in lists {
            starts.push(edges.len() as u32);
            edges.extend_from_slice(list);
        }
        starts.push(edges.len() as u32);
        Self {
            list: edges.into(),
            starts: starts.into(),
        }
    }

    fn of(&self, service: usize) -> &[Edge] {
        // The members of a group have no edges.
        let Some(&end) = self.starts.get(service + 1) else {
            return &[];
        };
        &self.list[self.starts[service] as usize..end as usize]
    }
}
