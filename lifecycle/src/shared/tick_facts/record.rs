//! What is written down of a schedule's ticks, for those who look.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use crate::report::tick::TickCause;
use crate::shared::tick_history::{TickEnd, TickHistory};
use crate::time::moment::{Epoch, Moment};
use crate::time::point::Point;

/// The fields that each tick writes. They are few, because an application may have thousands of schedules.
#[derive(Debug)]
pub(super) struct Record {
    /// What the moments are counted from. `None` until the schedule is up for the first time, and there is no moment.
    pub(super) epoch: Option<Epoch>,
    /// How many ticks have returned.
    pub(super) count: u64,
    /// How many have begun.
    pub(super) begun: u64,
    /// When the last one has begun.
    pub(super) start: Moment,
    /// When the last one that has returned did so, and when it had begun.
    pub(super) end: Moment,
    pub(super) began: Moment,
    /// When the next one is due.
    pub(super) next_due: Moment,
    /// What the last one that has begun is for; `None` if it was asked for.
    pub(super) point: Option<Point>,
    pub(super) in_flight: bool,
    pub(super) history: TickHistory,
}

impl Default for Record {
    fn default() -> Self {
        Self {
            epoch: None,
            count: 0,
            begun: 0,
            start: Moment::NEVER,
            end: Moment::NEVER,
            began: Moment::NEVER,
            next_due: Moment::NEVER,
            point: None,
            in_flight: false,
            history: TickHistory::default(),
        }
    }
}

impl Record {
    /// The moment as it is shown.
    pub(super) fn instant(&self, at: Moment) -> Option<Instant> {
        self.epoch?.instant(at)
    }

    /// How long the last tick that has returned took; zero before the first.
    pub(super) fn took(&self) -> Duration {
        self.end.since(self.began)
    }

    pub(super) fn cause(&self) -> TickCause {
        match self.point {
            Some(_) => TickCause::Schedule,
            None => TickCause::Trigger,
        }
    }

    /// A tick begins. `wall`: what the wall clock shows, if it was read.
    #[inline]
    pub(super) fn begin(&mut self, at: Moment, wall: Option<SystemTime>, point: Option<Point>) {
        if let Some(wall) = wall {
            self.history.see_wall(at, wall, self.begun == 0);
        }
        self.start = at;
        self.begun += 1;
        self.point = point;
        self.in_flight = true;
        if point.is_some() {
            self.next_due = Moment::NEVER;
        }
    }

    /// The tick in flight has returned. `due` is the moment of the next one.
    #[inline]
    pub(super) fn end(&mut self, at: Moment, due: Moment, error: Option<Arc<str>>) {
        self.history
            .push(self.cause(), self.start, at, TickEnd::Returned(error));
        self.began = self.start;
        self.end = at;
        self.in_flight = false;
        self.count += 1;
        self.next_due = due;
    }

    /// No tick will follow in this run. One that is in flight was dropped, by the stop or by its panic.
    pub(super) fn close(&mut self) {
        self.next_due = Moment::NEVER;
        if let (true, Some(epoch)) = (self.in_flight, self.epoch) {
            let end = if thread::panicking() {
                TickEnd::Returned(Some("`tick` panicked".into()))
            } else {
                TickEnd::Dropped
            };
            self.history
                .push(self.cause(), self.start, epoch.now(), end);
            self.in_flight = false;
        }
    }
}
