//! Who depends on whom, as indexes both ways. Built once from a graph that was checked for cycles.

/// Both directions as one array of edges each, cut into a slice per service: two allocations for
/// any number of services.
#[derive(Debug)]
pub(crate) struct Graph {
    dependencies: Edges,
    dependents: Edges,
}

#[derive(Debug)]
struct Edges {
    targets: Box<[u32]>,
    /// `targets[starts[i]..starts[i + 1]]` belong to service `i`.
    starts: Box<[u32]>,
}

impl Graph {
    /// `after[i]` are the indexes of the services that `i` depends on.
    pub(crate) fn new(after: &[Vec<u32>]) -> Self {
        let mut reversed = vec![Vec::new(); after.len()];
        for (service, dependencies) in (0_u32..).zip(after) {
            for &dependency in dependencies {
                reversed[dependency as usize].push(service);
            }
        }
        Self {
            dependencies: Edges::new(after),
            dependents: Edges::new(&reversed),
        }
    }

    pub(crate) fn dependencies(&self, service: usize) -> &[u32] {
        self.dependencies.of(service)
    }

    pub(crate) fn dependents(&self, service: usize) -> &[u32] {
        self.dependents.of(service)
    }
}

impl Edges {
    fn new(lists: &[Vec<u32>]) -> Self {
        let mut targets = Vec::with_capacity(lists.iter().map(Vec::len).sum());
        let mut starts = Vec::with_capacity(lists.len() + 1);
        for list in lists {
            starts.push(targets.len() as u32);
            targets.extend_from_slice(list);
        }
        starts.push(targets.len() as u32);
        Self {
            targets: targets.into(),
            starts: starts.into(),
        }
    }

    fn of(&self, service: usize) -> &[u32] {
        &self.targets[self.starts[service] as usize..self.starts[service + 1] as usize]
    }
}
