//! What becomes of points that have no tick of their own.

use std::sync::Arc;

use tokio::time::Instant;

use crate::report::event::EventKind;
use crate::shared::context::Context;
use crate::shared::tick_facts::TickFacts;

/// Why points have no tick of their own.
#[derive(Clone, Copy, Debug)]
pub(super) enum Gap {
    /// A tick was running when they passed.
    Overrun,
    /// No tick was running, and the loop came late.
    HeldUp,
}

impl Gap {
    /// Counts the points of the gap, and tells of them. Once the stop is requested no point is due.
    #[cold]
    pub(super) fn tell(self, cx: &Context, ticks: &TickFacts, count: u64) {
        if cx.run().stop.is_closed() {
            return;
        }
        let Some(count) = ticks.missed(count, Instant::now()) else {
            return;
        };
        let why: Arc<str> = match self {
            Self::Overrun => "a tick was still running".into(),
            Self::HeldUp => {
                "the program was held up, the machine slept, or its clock was set ahead".into()
            }
        };
        cx.tell(EventKind::PointsSkipped { count, why });
    }
}
