//! Points that have no tick of their own: how many there are, and when to tell of them.

use std::mem;
use std::time::Duration;

use tokio::time::Instant;

use super::troubles::Problems;
use super::{Inner, PAUSED, RESUMED, TickFacts};

/// How many gaps of a schedule may be told of at once, and how long it takes until one more may be.
const GAPS_AT_ONCE: u32 = 10;
const GAP_INTERVAL: Duration = Duration::from_secs(60);

impl TickFacts {
    /// So many points have no tick of their own, unless a pause has left them out. Returns how many are to be told
    /// of now.
    pub(crate) fn missed(&self, count: u64, now: Instant) -> Option<u64> {
        let mut inner = self.inner();
        let problems = self.count_missed(&mut inner, count)?;
        problems.untold = problems.untold.saturating_add(count);
        problems
            .may_tell(now)
            .then(|| mem::take(&mut problems.untold))
    }

    /// So many points of a schedule that is remembered are left out for good, unless it is paused.
    pub(crate) fn skipped(&self, count: u64) {
        let _ = self.count_missed(&mut self.inner(), count);
    }

    fn count_missed<'a>(&self, inner: &'a mut Inner, count: u64) -> Option<&'a mut Problems> {
        if self.signals().0 & (PAUSED | RESUMED) != 0 {
            return None;
        }
        let problems = inner.problems.get_or_insert_default();
        problems.missed = problems.missed.saturating_add(count);
        Some(problems)
    }
}

impl Problems {
    /// Whether one more gap may be told of. A schedule that is always late would fill the log otherwise: what is not
    /// told now is told with a later gap.
    fn may_tell(&mut self, now: Instant) -> bool {
        let until = self.told_until.map_or(now, |until| until.max(now)) + GAP_INTERVAL;
        let may_tell = until <= now + GAP_INTERVAL * GAPS_AT_ONCE;
        if may_tell {
            self.told_until = Some(until);
        }
        may_tell
    }
}
