//! The members of a group: services that are added and removed while the group runs. They depend on nothing, and
//! nothing depends on them.

use std::collections::HashSet;
use std::sync::Arc;

use tokio::time::Instant;

use super::node::{Life, Membership, Node};
use super::stop::Stage;
use super::{Command, Engine, Graph};
use crate::engine::settings::{RegistrySettings, ServiceSettings};
use crate::report::status::State;

/// The nodes that no member has.
#[derive(Debug, Default)]
pub(super) struct Slots {
    pub(super) free: Vec<usize>,
    /// Those of members whose tasks block their threads and may still report.
    pub(super) blocked: HashSet<usize>,
}

impl Engine {
    /// The engine of a group. It begins without members, and goes on when none is left.
    pub(crate) fn of_group(limits: RegistrySettings) -> Self {
        let graph = Arc::new(Graph::without_edges(0));
        let mut engine = Self::new(graph, [], limits);
        engine.slots = Some(Slots::default());
        engine
    }

    /// Takes in one more member and starts it. Returns its number, which may be that of one that was removed.
    /// `None` if a stop was requested.
    pub(crate) fn add(&mut self, settings: Arc<ServiceSettings>, now: Instant) -> Option<usize> {
        if !matches!(self.stage, Stage::Up) {
            return None;
        }
        let is_disabled = settings.disabled;
        let mut node = Node::new(settings, 0, 0);
        node.membership = Membership::Member;
        let free = self.slots.as_mut().and_then(|slots| slots.free.pop());
        let member = if let Some(member) = free {
            // An alarm of the member before is stale: it holds an earlier step.
            node.step = self.nodes[member].step + 1;
            self.nodes[member] = node;
            self.gone -= 1;
            member
        } else {
            self.nodes.push(node);
            self.nodes.len() - 1
        };
        if is_disabled {
            self.gone += 1;
            self.move_to(member, State::Disabled);
        } else {
            self.move_to(member, State::Waiting);
            self.launch(member, now);
        }
        Some(member)
    }

    /// Stops the member, if it is not being stopped or down already. `Command::Removed` follows when it is down.
    pub(crate) fn remove(&mut self, member: usize, now: Instant) {
        self.nodes[member].membership = Membership::Leaving;
        self.forget_restart(member);
        match self.nodes[member].life {
            Life::Up => self.ask(member, now),
            Life::Kept => {
                self.move_to(member, State::Stopped);
                self.discard(member, now);
            }
            Life::Unborn | Life::Asked | Life::Gone => {}
        }
        self.free_if_removed(member);
    }

    /// Frees the node of a member that is to be removed and is down. One that blocks its thread keeps its node:
    /// its task may still report.
    pub(super) fn free_if_removed(&mut self, member: usize) {
        let node = &mut self.nodes[member];
        if node.life != Life::Gone || !node.leaves() {
            return;
        }
        node.membership = Membership::Member;
        self.commands.push(Command::Removed(member));
        if let Some(slots) = &mut self.slots {
            if !slots.blocked.contains(&member) {
                slots.free.push(member);
            }
        }
    }
}
