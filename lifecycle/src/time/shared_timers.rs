//! The timers of a registry's schedules: all who wait for the same millisecond share one.
//!
//! A *beat* is such a millisecond, counted from the start of the registry. Who waits leaves no more
//! than a waker and a time with the group of that beat, and the group has one of tokio's timers, set
//! to the soonest of these times. Tokio's timers go by milliseconds of their own; when one rings,
//! those whose time has come are woken, and it is set again for the others. So everybody is woken
//! when a timer of their own would have rung. What is saved is what many timers cost, and the memory
//! that each of them touches.

#[cfg(test)]
mod tests;

use std::future::Future;
use std::mem;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{self, Wake, Waker};
use std::time::Duration;

use tokio::task::coop::unconstrained;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::panics;

#[derive(Debug)]
pub(crate) struct SharedTimers {
    epoch: Instant,
    /// The latest time that is known to have come. Written under the lock.
    reached: AtomicU64,
    groups: Mutex<Groups>,
}

/// Nanoseconds since the start of the registry.
type Time = u64;

/// Later than all times that come.
const NEVER: Time = Time::MAX;

const NANOS_OF_A_SLOT: Time = 1_000_000;

#[derive(Debug, Default)]
struct Groups {
    list: Vec<Group>,
    /// Those that nobody waits in, to be used again.
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
    /// When its timer rings; none when nobody waits.
    deadline: Option<Time>,
    waiting: Vec<Waiting>,
    /// Empty, but for the moment in which they are woken.
    woken: Vec<Waker>,
    /// Away while it is being set.
    timer: Option<Pin<Box<Sleep>>>,
    timer_wake: Waker,
}

#[derive(Debug)]
struct Waiting {
    until: Time,
    /// None once it is taken to be woken.
    waker: Option<Waker>,
}

/// What a group's timer is to be set to.
struct Setting {
    timer: Pin<Box<Sleep>>,
    timer_wake: Waker,
    at: Time,
}

/// What a group's timer wakes.
struct TimerWake {
    timers: Weak<SharedTimers>,
    group: usize,
}

impl SharedTimers {
    pub(crate) fn new(epoch: Instant) -> Arc<Self> {
        Arc::new(Self {
            epoch,
            reached: AtomicU64::new(0),
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

    /// `NEVER` where that lies beyond 584 years.
    #[inline]
    fn time(&self, at: Instant) -> Time {
        let since = at.saturating_duration_since(self.epoch);
        since
            .as_secs()
            .saturating_mul(1_000_000_000)
            .saturating_add(since.subsec_nanos().into())
    }

    fn instant(&self, time: Time) -> Instant {
        self.epoch + Duration::from_nanos(time)
    }

    #[inline]
    fn has_reached(&self, time: Time) -> bool {
        time <= self.reached.load(Ordering::Acquire)
    }

    /// Whether the time has come; if not, it wakes then, as one of the group whose index it notes.
    fn join(self: &Arc<Self>, until: Time, waker: &Waker, joined: &mut usize) -> bool {
        let mut groups = self.groups();
        if self.has_reached(until) {
            return true;
        }
        if until == NEVER || groups.closed {
            return false;
        }
        if let Some(index) = groups.group_due_at(until) {
            groups.list[index].join(until, waker);
            *joined = index;
            return false;
        }
        let now = self.time(Instant::now());
        if until <= now {
            self.reached.fetch_max(now, Ordering::Release);
            return true;
        }
        let index = groups.one_more(self, until);
        *joined = index;
        let setting = groups.begin(index, until, waker);
        drop(groups);
        if let Some(setting) = setting {
            self.set(index, setting);
            self.ring(index);
        }
        false
    }

    /// Not under the lock, for a timer whose time has come meanwhile rings at once: see to that
    /// afterwards.
    fn set(&self, index: usize, setting: Setting) {
        let Setting {
            mut timer,
            timer_wake,
            at,
        } = setting;
        timer.as_mut().reset(self.instant(at));
        // To make the bell known. Unconstrained, for a poll that tokio puts off does not.
        let _ =
            pin!(unconstrained(timer.as_mut())).poll(&mut task::Context::from_waker(&timer_wake));
        if let Some(group) = self.groups().list.get_mut(index) {
            group.timer = Some(timer);
        }
    }

    /// Wakes those whose time has come, if the timer of this group has rung, and sets it again for
    /// the others.
    fn ring(&self, index: usize) {
        while let Some(mut woken) = self.take_woken(index) {
            woken.drain(..).for_each(panics::wake);
            let again = self.groups().go_on(index, woken);
            let Some(setting) = again else {
                return;
            };
            self.set(index, setting);
        }
    }

    fn take_woken(&self, index: usize) -> Option<Vec<Waker>> {
        let mut groups = self.groups();
        let group = groups.list.get_mut(index)?;
        // A bell that is late may have rung for what has come already.
        group.deadline?;
        if !group.timer.as_ref()?.is_elapsed() {
            return None;
        }
        let now = self.time(Instant::now());
        self.reached.fetch_max(now, Ordering::Release);
        Some(group.ring(now))
    }

    /// Does not wake this one then, who was to be woken as one of this group.
    fn leave(&self, index: usize, until: Time, waker: &Waker) {
        let left = self.groups().leave(index, until, waker);
        // What wakes a task keeps its memory, and may run its destructor here: not under the lock.
        let _ = panics::catch(|| drop(left));
    }

    fn groups(&self) -> MutexGuard<'_, Groups> {
        self.groups.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Groups {
    /// The group of this beat, if it is a recent one, and its timer does not ring too late.
    fn group_due_at(&self, until: Time) -> Option<usize> {
        let recent = self.recent[slot(until)];
        let deadline = self.list.get(recent)?.deadline?;
        (beat(deadline) == beat(until) && deadline <= until).then_some(recent)
    }

    /// Takes out one that waits, if it still does. A group that nobody waits in any more is free, unless
    /// its timer is away: that sets it free when it rings.
    fn leave(&mut self, index: usize, until: Time, waker: &Waker) -> Option<Waiting> {
        let group = self.list.get_mut(index)?;
        let is_it = |one: &Waiting| {
            let known = one.waker.as_ref();
            one.until == until && known.is_some_and(|known| known.will_wake(waker))
        };
        let slot = group.waiting.iter().position(is_it)?;
        let left = group.waiting.remove(slot);
        if group.waiting.is_empty() && group.timer.is_some() && group.deadline.take().is_some() {
            self.free.push(index);
        }
        Some(left)
    }

    /// A group that nobody waits in.
    fn one_more(&mut self, timers: &Arc<SharedTimers>, until: Time) -> usize {
        self.free.pop().unwrap_or_else(|| {
            let group = self.list.len();
            let timer = Box::pin(sleep_until(timers.instant(until)));
            let timers = Arc::downgrade(timers);
            self.list.push(Group {
                deadline: None,
                waiting: Vec::new(),
                woken: Vec::new(),
                timer: Some(timer),
                timer_wake: Arc::new(TimerWake { timers, group }).into(),
            });
            group
        })
    }

    fn begin(&mut self, index: usize, until: Time, waker: &Waker) -> Option<Setting> {
        self.recent[slot(until)] = index;
        let group = &mut self.list[index];
        group.join(until, waker);
        group.set_to(until)
    }

    /// All have been woken; what is left is the room they took. If there are others, the timer is to
    /// be set again.
    fn go_on(&mut self, index: usize, room: Vec<Waker>) -> Option<Setting> {
        let group = self.list.get_mut(index)?;
        group.woken = room;
        let next = group.waiting.iter().map(|waiting| waiting.until).min();
        if next.is_none() {
            self.free.push(index);
        }
        group.set_to(next?)
    }
}

impl Group {
    fn join(&mut self, until: Time, waker: &Waker) {
        let waker = Some(waker.clone());
        self.waiting.push(Waiting { until, waker });
    }

    /// Takes out those whose time has come.
    fn ring(&mut self, now: Time) -> Vec<Waker> {
        self.deadline = None;
        let Self { waiting, woken, .. } = self;
        waiting.retain_mut(|one| {
            let waits = one.until > now;
            if !waits {
                woken.extend(one.waker.take());
            }
            waits
        });
        mem::take(woken)
    }

    fn set_to(&mut self, at: Time) -> Option<Setting> {
        self.deadline = Some(at);
        let timer_wake = self.timer_wake.clone();
        self.timer.take().map(|timer| Setting {
            timer,
            timer_wake,
            at,
        })
    }
}

impl Wake for TimerWake {
    fn wake(self: Arc<Self>) {
        if let Some(timers) = self.timers.upgrade() {
            timers.ring(self.group);
        }
    }
}

fn beat(time: Time) -> u64 {
    time / NANOS_OF_A_SLOT
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the remainder fits whatever is cut off before"
)]
fn slot(time: Time) -> usize {
    (beat(time) % RECENT as u64) as usize
}

/// When one loop goes on: it sets the time, and looks until that has come.
pub(crate) struct Timer<'a> {
    timers: &'a Arc<SharedTimers>,
    /// What it is set to.
    until: Time,
    /// When it will be woken; not at all, if that has come.
    joined: Time,
    /// As one of which group.
    group: usize,
}

impl<'a> Timer<'a> {
    /// It is not set.
    pub(crate) fn new(timers: &'a Arc<SharedTimers>) -> Self {
        Self {
            timers,
            until: NEVER,
            joined: 0,
            group: 0,
        }
    }

    /// Sets it to this instant.
    #[inline]
    pub(crate) fn set(&mut self, at: Instant) {
        self.until = self.timers.time(at);
    }

    /// Will not be woken any more, whose waker this is.
    pub(crate) fn leave(&mut self, waker: &Waker) {
        if !self.timers.has_reached(self.joined) {
            self.timers.leave(self.group, self.joined, waker);
        }
        self.joined = 0;
    }

    /// Whoever was to be woken so far is not the one who looks.
    pub(crate) fn forget_waker(&mut self) {
        self.joined = 0;
    }

    /// Whether the time has come. If not, it wakes when to look again: where it was set later than
    /// before, that is too soon, but never too often.
    #[inline]
    pub(crate) fn is_over(&mut self, waker: &Waker) -> bool {
        if self.timers.has_reached(self.until) {
            return true;
        }
        if self.joined <= self.until && !self.timers.has_reached(self.joined) {
            return false;
        }
        // Set to an earlier time than before, it leaves nothing behind.
        if !self.timers.has_reached(self.joined) {
            self.leave(waker);
        }
        self.joined = self.until;
        self.timers.join(self.until, waker, &mut self.group)
    }
}
