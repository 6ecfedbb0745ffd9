//! The nodes of all services, by index. Unit tests count how often one is looked at: nearly every step of the
//! engine looks at one, so this is what an event costs, without a clock.

use std::ops::{Deref, Index, IndexMut};
#[cfg(test)]
use std::sync::atomic::{AtomicUsize, Ordering};

use super::node::Node;

#[derive(Debug)]
pub(super) struct Nodes {
    list: Vec<Node>,
    #[cfg(test)]
    looks: AtomicUsize,
}

#[cfg(test)]
impl Nodes {
    pub(super) fn looks(&self) -> usize {
        self.looks.load(Ordering::Relaxed)
    }
}

impl FromIterator<Node> for Nodes {
    fn from_iter<T: IntoIterator<Item = Node>>(nodes: T) -> Self {
        Self {
            list: nodes.into_iter().collect(),
            #[cfg(test)]
            looks: AtomicUsize::new(0),
        }
    }
}

impl Nodes {
    pub(super) fn push(&mut self, node: Node) {
        self.list.push(node);
    }
}

impl Deref for Nodes {
    type Target = [Node];

    fn deref(&self) -> &[Node] {
        &self.list
    }
}

impl Index<usize> for Nodes {
    type Output = Node;

    #[inline]
    fn index(&self, service: usize) -> &Node {
        #[cfg(test)]
        self.looks.fetch_add(1, Ordering::Relaxed);
        &self.list[service]
    }
}

impl IndexMut<usize> for Nodes {
    #[inline]
    fn index_mut(&mut self, service: usize) -> &mut Node {
        #[cfg(test)]
        self.looks.fetch_add(1, Ordering::Relaxed);
        &mut self.list[service]
    }
}
