//! Whether a service that another depends on, directly or through others, is still to be stopped.
//!
//! This is asked only after a stop was requested. No service starts from then on, so one that is not to be
//! stopped stays so. Each node keeps what was found for it: without that, each of many services would search
//! the same long chain of oneshots that have succeeded.

use super::Engine;
use super::graph::Edge;
use super::node::Below;

impl Engine {
    pub(super) fn has_others_below(&mut self, service: usize) -> bool {
        let dependencies = self.graph.dependencies(service);
        if dependencies.is_empty() {
            return false;
        }
        let is_to_be_stopped = |edge: &Edge| self.nodes[edge.service as usize].is_to_be_stopped();
        if dependencies.iter().any(is_to_be_stopped) {
            return true;
        }
        let mut path = vec![(service, 0)];
        while let Some((service, edges)) = path.last_mut() {
            let Some(edge) = self.graph.dependencies(*service).get(*edges) else {
                self.nodes[*service].below = Below::Nothing;
                path.pop();
                continue;
            };
            *edges += 1;
            let dependency = edge.service;
            let node = &self.nodes[dependency as usize];
            let found = match node.below {
                _ if node.is_to_be_stopped() => dependency,
                Below::Nothing => continue,
                Below::Service(found) if self.nodes[found as usize].is_to_be_stopped() => found,
                Below::Service(_) | Below::Unknown => {
                    path.push((dependency as usize, 0));
                    continue;
                }
            };
            for (above, _) in path {
                self.nodes[above].below = Below::Service(found);
            }
            return true;
        }
        false
    }
}
