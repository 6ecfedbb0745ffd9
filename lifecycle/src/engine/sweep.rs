//! Passes over all services, a part at a time. So the first services start before the last are visited, and
//! the list of commands stays short.

use tokio::time::Instant;

use super::Engine;
use crate::report::status::State;

#[derive(Debug)]
pub(super) struct Round {
    purpose: Purpose,
    next: usize,
    /// When the round began. All services are treated as of this instant.
    now: Instant,
}

/// What the round does with each service.
#[derive(Clone, Copy, Debug)]
pub(super) enum Purpose {
    /// Each becomes `Waiting`, or `Disabled`. Then a round of `Launch` follows.
    Wait,
    Launch,
    /// Each without dependents is asked to stop. The others get their turn after these.
    Stop,
}

/// A round pauses when there are this many commands.
const SWEEP_CHUNK: usize = 256;

impl Engine {
    pub(super) fn begin_round(&mut self, purpose: Purpose, now: Instant) {
        self.round = Some(Round {
            purpose,
            next: 0,
            now,
        });
    }

    /// Goes on with the round until there are enough commands.
    pub(super) fn go_on(&mut self) {
        while self.commands.len() < SWEEP_CHUNK {
            let Some(round) = &mut self.round else {
                return;
            };
            let (purpose, service, now) = (round.purpose, round.next, round.now);
            round.next += 1;
            if service == self.nodes.len() {
                self.round = None;
                if let Purpose::Wait = purpose {
                    self.launch_services(now);
                }
                continue;
            }
            self.visit(service, purpose, now);
        }
    }

    fn visit(&mut self, service: usize, purpose: Purpose, now: Instant) {
        let node = &self.nodes[service];
        match purpose {
            Purpose::Wait if node.settings.disabled => self.move_to(service, State::Disabled),
            Purpose::Wait => self.move_to(service, State::Waiting),
            Purpose::Launch if node.missing == 0 && node.state == State::Waiting => {
                self.launch(service, now);
            }
            Purpose::Stop if self.graph.dependents(service).is_empty() => {
                self.take_turn(service, now);
            }
            Purpose::Launch | Purpose::Stop => {}
        }
    }
}
