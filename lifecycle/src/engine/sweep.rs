//! Rounds through all services, a part at a time: the first are on their way before the last have
//! been looked at, and what is to be done never becomes a long list.

use tokio::time::Instant;

use super::Engine;
use crate::report::status::State;

#[derive(Debug)]
pub(super) struct Round {
    purpose: Purpose,
    next: usize,
    /// When it began: all are treated as of then.
    now: Instant,
}

/// What becomes of each.
#[derive(Clone, Copy, Debug)]
pub(super) enum Purpose {
    /// It waits; when all do, those that depend on nothing are launched.
    Wait,
    Launch,
    /// It is asked to stop, if nobody depends on it. The others get their turn from these.
    Stop,
}

/// How much there is to be done at most before a round pauses.
const SWEEP_CHUNK: usize = 256;

impl Engine {
    pub(super) fn begin_round(&mut self, purpose: Purpose, now: Instant) {
        self.round = Some(Round {
            purpose,
            next: 0,
            now,
        });
    }

    /// Goes on until there is enough to do.
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
                    self.begin_round(Purpose::Launch, now);
                }
                continue;
            }
            self.visit(service, purpose, now);
        }
    }

    fn visit(&mut self, service: usize, purpose: Purpose, now: Instant) {
        let node = &self.nodes[service];
        match purpose {
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
