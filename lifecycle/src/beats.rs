//! The timers of a registry's schedules: all who wait for the same millisecond share one.
//!
//! A *beat* is such a millisecond, counted from the start of the registry; tokio's own timers go by
//! the millisecond too. A timer that is shared is set once and rings once, and who waits for it
//! leaves no more than its waker: what many ticks at once cost is the memory that each of them
//! touches.

#[cfg(test)]
mod tests;

use std::future::Future;
use std::mem;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context as Task, Wake, Waker};
use std::time::Duration;

use tokio::task::coop::unconstrained;
use tokio::time::{Instant, Sleep, sleep_until};

#[derive(Debug)]
pub(crate) struct Beats {
    epoch: Instant,
    /// The latest that is known to have come. Written under the lock.
    come: AtomicU64,
    groups: Mutex<Groups>,
}

#[derive(Debug, Default)]
struct Groups {
    list: Vec<Group>,
    /// Those whose beat has come, to be used again.
    free: Vec<usize>,
    /// The group that was last set for a beat with this remainder.
    recent: [usize; RECENT],
    closed: bool,
}

/// How many beats have a place of their own among the recent groups. Two that share one only have
/// more timers than they need.
const RECENT: usize = 32;

/// Those who wait for one beat.
#[derive(Debug)]
struct Group {
    beat: u64,
    waiting: Vec<Waker>,
    /// The beat has not come yet.
    is_set: bool,
    /// Away while it is being set.
    timer: Option<Pin<Box<Sleep>>>,
    bell: Waker,
}

/// What a group's timer wakes.
struct Bell {
    beats: Weak<Beats>,
    group: usize,
}

impl Beats {
    pub(crate) fn new(epoch: Instant) -> Arc<Self> {
        Arc::new(Self {
            epoch,
            come: AtomicU64::new(0),
            groups: Mutex::default(),
        })
    }

    /// Nobody waits any more.
    pub(crate) fn close(&self) {
        let closed = Groups {
            closed: true,
            ..Groups::default()
        };
        let groups = mem::replace(&mut *self.groups(), closed);
        // What wakes a task keeps its memory, and may run its destructor here: not under the lock.
        drop(groups);
    }

    /// The first beat that is not before this instant.
    #[inline]
    fn not_before(&self, at: Instant) -> u64 {
        const NANOS: u32 = 1_000_000;
        let since = at.saturating_duration_since(self.epoch);
        let millis = since.subsec_nanos().div_ceil(NANOS);
        since
            .as_secs()
            .saturating_mul(1_000)
            .saturating_add(millis.into())
    }

    #[inline]
    fn has_come(&self, beat: u64) -> bool {
        beat <= self.come.load(Ordering::Acquire)
    }

    /// Whether the beat has come; if not, it wakes.
    fn join(self: &Arc<Self>, beat: u64, waker: &Waker) -> bool {
        let mut groups = self.groups();
        if self.has_come(beat) {
            return true;
        }
        if let Some(group) = groups.set_for(beat) {
            group.waiting.push(waker.clone());
            return false;
        }
        // None lies beyond the end of time.
        let at = self.epoch.checked_add(Duration::from_millis(beat));
        let Some(at) = at.filter(|_| beat != NEVER && !groups.closed) else {
            return false;
        };
        // Then a timer would ring no sooner than the runtime next looks at its own.
        if at <= Instant::now() {
            self.come.store(beat, Ordering::Release);
            return true;
        }
        let index = groups.one_more(self, at);
        let (timer, bell) = groups.begin(index, beat, waker.clone());
        drop(groups);
        if let Some(timer) = timer {
            self.set(index, timer, &bell, at);
        }
        false
    }

    /// Not under the lock, for a timer whose time has come meanwhile rings at once.
    fn set(&self, index: usize, mut timer: Pin<Box<Sleep>>, bell: &Waker, at: Instant) {
        timer.as_mut().reset(at);
        // To make the bell known. Unconstrained, for a poll that tokio puts off does not.
        let _ = pin!(unconstrained(timer.as_mut())).poll(&mut Task::from_waker(bell));
        if let Some(group) = self.groups().list.get_mut(index) {
            group.timer = Some(timer);
        }
        // It may have rung while it was away.
        self.ring(index);
    }

    /// Wakes those who wait for the beat of this group, if it has come.
    fn ring(&self, index: usize) {
        let Some(mut woken) = self.groups().come(index, &self.come) else {
            return;
        };
        woken.drain(..).for_each(Waker::wake);
        self.groups().give_back(index, woken);
    }

    fn groups(&self) -> MutexGuard<'_, Groups> {
        self.groups.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Groups {
    /// The group that waits for this beat, if it is a recent one.
    fn set_for(&mut self, beat: u64) -> Option<&mut Group> {
        let recent = self.recent[place(beat)];
        let group = self.list.get_mut(recent)?;
        (group.is_set && group.beat == beat).then_some(group)
    }

    /// A group that nobody waits in.
    fn one_more(&mut self, beats: &Arc<Beats>, at: Instant) -> usize {
        self.free.pop().unwrap_or_else(|| {
            let group = self.list.len();
            let beats = Arc::downgrade(beats);
            self.list.push(Group {
                beat: 0,
                waiting: Vec::new(),
                is_set: false,
                timer: Some(Box::pin(sleep_until(at))),
                bell: Arc::new(Bell { beats, group }).into(),
            });
            group
        })
    }

    /// The timer is to be set.
    fn begin(&mut self, index: usize, beat: u64, waker: Waker) -> (Option<Pin<Box<Sleep>>>, Waker) {
        self.recent[place(beat)] = index;
        let group = &mut self.list[index];
        group.beat = beat;
        group.is_set = true;
        group.waiting.push(waker);
        (group.timer.take(), group.bell.clone())
    }

    /// Those to be woken, if the beat of this group has come. A bell that rings late may mean one
    /// before it.
    fn come(&mut self, index: usize, come: &AtomicU64) -> Option<Vec<Waker>> {
        let group = self.list.get_mut(index)?;
        if !group.is_set || !group.timer.as_ref()?.is_elapsed() {
            return None;
        }
        group.is_set = false;
        come.fetch_max(group.beat, Ordering::Release);
        Some(mem::take(&mut group.waiting))
    }

    /// The group can be used again, and the room it had.
    fn give_back(&mut self, index: usize, room: Vec<Waker>) {
        if let Some(group) = self.list.get_mut(index) {
            group.waiting = room;
            self.free.push(index);
        }
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        if let Some(beats) = self.beats.upgrade() {
            beats.ring(self.group);
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the remainder fits whatever is cut off before"
)]
fn place(beat: u64) -> usize {
    (beat % RECENT as u64) as usize
}

/// When one loop goes on: it sets the time, and looks until it has come.
pub(crate) struct Timer<'a> {
    beats: &'a Arc<Beats>,
    /// What it is set to.
    beat: u64,
    /// The beat at which it will be woken; none if that has come.
    joined: u64,
}

/// Later than all beats that come.
const NEVER: u64 = u64::MAX;

impl<'a> Timer<'a> {
    /// It is not set.
    pub(crate) fn new(beats: &'a Arc<Beats>) -> Self {
        Self {
            beats,
            beat: NEVER,
            joined: 0,
        }
    }

    /// Sets it to the first beat from this instant on, or to none.
    #[inline]
    pub(crate) fn set(&mut self, at: Option<Instant>) {
        self.beat = at.map_or(NEVER, |at| self.beats.not_before(at));
    }

    /// Whoever was to be woken so far is not the one who looks.
    pub(crate) fn forget_waker(&mut self) {
        self.joined = 0;
    }

    /// Whether the time has come. If not, it wakes when to look again: where it was set later than
    /// before, that is too soon, but never too often.
    #[inline]
    pub(crate) fn is_over(&mut self, waker: &Waker) -> bool {
        if self.beats.has_come(self.beat) {
            return true;
        }
        if self.joined <= self.beat && !self.beats.has_come(self.joined) {
            return false;
        }
        self.joined = self.beat;
        self.beats.join(self.beat, waker)
    }
}
