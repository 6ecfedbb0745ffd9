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
    /// Of the dependencies of each service, in turn.
    pub(crate) fn of<L>(dependencies: impl ExactSizeIterator<Item = L>) -> Self
    where
        L: IntoIterator<Item = Edge>,
    {
        let dependencies = Edges::of_each(dependencies);
        Self {
            dependents: dependencies.reversed(),
            dependencies,
        }
    }

    /// `dependencies[i]` are the dependencies of service `i`.
    #[cfg(test)]
    pub(crate) fn new(dependencies: &[Vec<Edge>]) -> Self {
        Self::of(dependencies.iter().cloned())
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

    fn of_each<L>(lists: impl ExactSizeIterator<Item = L>) -> Self
    where
        L: IntoIterator<Item = Edge>,
    {
        let mut edges = Vec::new();
        let mut starts = Vec::with_capacity(lists.len() + 1);
        for list in lists {
            starts.push(edges.len() as u32);
            edges.extend(list);
        }
        starts.push(edges.len() as u32);
        Self {
            list: edges.into(),
            starts: starts.into(),
        }
    }

    /// Each edge at the service where it ends, in the order of the services where they begin.
    fn reversed(&self) -> Self {
        let mut starts = vec![0; self.starts.len()];
        for edge in &self.list {
            starts[edge.service as usize + 1] += 1;
        }
        for service in 1..starts.len() {
            starts[service] += starts[service - 1];
        }
        // Where the next edge of each service goes. Each place is written once.
        let mut next = starts.clone();
        let mut list = self.list.clone();
        for service in 0..starts.len() - 1 {
            for edge in self.of(service) {
                let place = &mut next[edge.service as usize];
                list[*place as usize] = Edge {
                    service: service as u32,
                    ..*edge
                };
                *place += 1;
            }
        }
        Self {
            list,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn edge(service: u32, kind: DependencyKind) -> Edge {
        Edge {
            service,
            kind,
            restarts: kind == DependencyKind::After,
        }
    }

    #[test]
    fn each_edge_is_known_at_both_of_its_ends() {
        use DependencyKind::{After, Wants};

        let graph = Graph::new(&[
            vec![],
            vec![edge(0, After)],
            vec![edge(1, Wants), edge(0, Wants)],
            vec![edge(0, After)],
        ]);
        assert_eq!(graph.dependencies(2), [edge(1, Wants), edge(0, Wants)]);
        assert_eq!(
            graph.dependents(0),
            [edge(1, After), edge(2, Wants), edge(3, After)]
        );
        assert_eq!(graph.dependents(1), [edge(2, Wants)]);
        assert_eq!(graph.dependents(3), []);
        assert_eq!(graph.stop_order(4), [2, 3, 1, 0]);
    }
}
