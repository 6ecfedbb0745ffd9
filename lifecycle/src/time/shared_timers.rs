//! The timers of a registry's schedules: loops that wait for the same millisecond share one timer.
//!
//! Milliseconds are counted from the start of the registry. A loop that waits adds its waker and its time
//! to the *group* of its millisecond. Each group owns one of tokio's timers, set to the soonest of the
//! group's times. When the timer fires, the group wakes the loops whose time has come and sets the timer
//! again for the others, because tokio's milliseconds begin at other instants than ours. So each loop is
//! woken at the instant at which a timer of its own would have fired. This saves the cost of many timers,
//! and the memory that each of them touches.
//!
//! A loop that is alone has nothing to share, and waits by a timer of its own. It goes on to do so until that fires,
//! though others have come meanwhile.
//!
//! # Invariants
//!
//! The loops' tasks, the thread on which tokio fires a timer and the end of the run meet here. The mutex
//! around [`TimerGroups`] is the only lock. Wakers are woken and dropped, and timers are set, after it is
//! released: each of these may run code that takes the lock again.
//!
//! - `reached` only grows. It is written under the lock, with a time that the clock has shown (the deadline of a
//!   timer that has fired is one), and before any waker of that time is woken. A loop that reads an old value stays
//!   pending, and the wake-up that follows makes it read again. It is written with `Release` and read with `Acquire`, so a loop that finds
//!   its time reached, without a lock, finds the clock there as well.
//! - No wake-up is lost. A loop joins a group under the lock, and only while it has a `deadline`, that is
//!   while a `wake_due` of this group is still to come. That takes the same lock, so it finds the loop's
//!   waker: it takes the waker out to wake it, or it sets the timer for it.
//! - A group's `deadline` is never later than the time of a loop that waits in it. One thread at a time
//!   wakes the loops of a group: it sets `deadline` to `NEVER` under the lock, and sets it again, for the
//!   earliest loop that is left, when it has woken the others.
//! - `timer` is `None` while a thread sets it outside the lock. If it fires before it is back, `TimerWake`
//!   finds no timer and does nothing. So the thread that puts it back looks, under the same lock, whether the timer has
//!   elapsed, and then calls `wake_due` itself. A late `TimerWake` of an earlier setting is harmless: the timer has
//!   not elapsed by then, or the group has no `deadline`.
//! - A group is in `free` only if no loop waits in it and its timer is in place.
//! - `loops` orders nothing: by whichever timer a loop waits, it is woken.
//!
//! The package `loom` tries all this in every order of the threads, with a clock and timers of its own.

mod own_sleep;
#[cfg(test)]
#[cfg(not(loom))]
mod tests;
mod timer;

use std::future::Future;
use std::mem;
use std::pin::{Pin, pin};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError, Weak};
use std::task::{self, Wake, Waker};
use std::time::Duration;

use tokio::task::coop::unconstrained;

pub(crate) use self::timer::Timer;
use super::clock::{Instant, Sleep, sleep_until};
use super::moment::{EPOCH, nanos};
use crate::panics;
use crate::sync::{AtomicU64, Mutex, MutexGuard, fence};

#[derive(Debug)]
pub(crate) struct SharedTimers {
    epoch: Instant,
    /// The latest time that the clock has shown. Written under the lock.
    reached: AtomicU64,
    /// How many loops have a timer here.
    loops: AtomicU64,
    groups: Mutex<TimerGroups>,
}

/// The number of a `Moment`.
type Time = u64;

/// A time that is never reached.
const NEVER: Time = Time::MAX;

const NANOS_PER_MILLISECOND: Time = 1_000_000;

#[derive(Debug, Default)]
struct TimerGroups {
    list: Vec<TimerGroup>,
    /// The groups in which no loop waits. They are used again.
    free: Vec<usize>,
    /// The group that was last set for a millisecond with this remainder.
    recent: [usize; RECENT],
    closed: bool,
}

/// How many milliseconds in a row have different places in `recent`. Two that share a place may use more
/// timers than they need, but lose nothing.
const RECENT: usize = 32;

/// The loops that wait for one millisecond.
#[derive(Debug)]
struct TimerGroup {
    /// When its timer fires. `NEVER` while no loop waits, and while the loops are being woken.
    deadline: Time,
    /// The millisecond of the loops that wait.
    millisecond: u64,
    /// No loop waits for a later time.
    latest: Time,
    waiting: Vec<Waiting>,
    /// A buffer for the loops to wake. It is empty otherwise, and kept so that a tick allocates
    /// nothing.
    woken: Vec<Waiting>,
    /// `None` while it is set outside the lock.
    timer: Option<Pin<Box<Sleep>>>,
    timer_wake: Waker,
}

#[derive(Debug)]
struct Waiting {
    until: Time,
    /// `None` once it was taken out to be woken.
    waker: Option<Waker>,
}

/// A group's timer, taken out to be set.
struct TimerToSet {
    timer: Pin<Box<Sleep>>,
    timer_wake: Waker,
    at: Time,
}

/// The waker of a group's timer. It holds the timers weakly, so that they do not keep themselves alive.
struct TimerWake {
    timers: Weak<SharedTimers>,
    group: usize,
}

impl SharedTimers {
    pub(crate) fn new(epoch: Instant) -> Arc<Self> {
        Arc::new(Self {
            epoch,
            reached: AtomicU64::new(0),
            loops: AtomicU64::new(0),
            groups: Mutex::default(),
        })
    }

    /// Drops all wakers and timers. Loops that join from now on are never woken.
    pub(crate) fn close(&self) {
        let closed = TimerGroups {
            closed: true,
            ..TimerGroups::default()
        };
        let groups = mem::replace(&mut *self.groups(), closed);
        // A waker keeps its task's allocation alive. Dropping the last one may run the task's destructor,
        // so it happens outside the lock.
        drop(groups);
    }

    fn time(&self, at: Instant) -> Time {
        let since = at.saturating_duration_since(self.epoch);
        EPOCH.saturating_add(nanos(since))
    }

    fn instant(&self, time: Time) -> Instant {
        self.epoch + Duration::from_nanos(time.saturating_sub(EPOCH))
    }

    #[inline]
    fn has_reached(&self, time: Time) -> bool {
        time <= self.reached()
    }

    #[inline]
    fn reached(&self) -> Time {
        self.reached.load(Ordering::Acquire)
    }

    /// Whether the time has come. If not, the waker is woken when it has, and `joined` is set to the
    /// index of its group.
    #[inline]
    fn join(self: &Arc<Self>, until: Time, waker: &Waker, joined: &mut usize) -> bool {
        let mut groups = self.groups();
        if self.has_reached(until) {
            return true;
        }
        if let Some((index, group)) = groups.group_due_at(until) {
            group.join(until, waker);
            *joined = index;
            return false;
        }
        if until == NEVER || groups.closed {
            return false;
        }
        let index = groups.one_more(self, until);
        *joined = index;
        let to_set = groups.begin(index, until, waker);
        drop(groups);
        if to_set.is_some_and(|to_set| self.set(index, to_set)) {
            self.wake_due(index);
        }
        false
    }

    /// Sets a timer that was taken out, and puts it back. Returns whether it has fired meanwhile: then `TimerWake` may
    /// have found no timer, and callers must call `wake_due`. Callers must not hold the lock: a timer whose time has
    /// come fires at once.
    fn set(&self, index: usize, to_set: TimerToSet) -> bool {
        let TimerToSet {
            mut timer,
            timer_wake,
            at,
        } = to_set;
        timer.as_mut().reset(self.instant(at));
        // This poll registers the waker. Unconstrained, because a poll that tokio's task budget puts off
        // would not register it.
        let _ =
            pin!(unconstrained(timer.as_mut())).poll(&mut task::Context::from_waker(&timer_wake));
        let mut groups = self.groups();
        let Some(group) = groups.list.get_mut(index) else {
            return false;
        };
        group.timer.insert(timer).is_elapsed()
    }

    /// If the timer of this group has fired, wakes the loops whose time has come and sets the timer again
    /// for the others.
    fn wake_due(&self, index: usize) {
        while let Some(mut woken) = self.take_woken(index) {
            let wakers = woken.drain(..).filter_map(|one| one.waker);
            wakers.for_each(panics::wake);
            let again = self.groups().go_on(index, woken);
            if !again.is_some_and(|to_set| self.set(index, to_set)) {
                return;
            }
        }
    }

    fn take_woken(&self, index: usize) -> Option<Vec<Waiting>> {
        let mut groups = self.groups();
        let group = groups.list.get_mut(index)?;
        // `NEVER`: another thread is waking this group, or an earlier call has woken all of it.
        let deadline = group.deadline;
        if deadline == NEVER || !group.timer.as_ref()?.is_elapsed() {
            return None;
        }
        // That it has elapsed orders nothing alone. After this the clock shows the deadline. It is read only if that is
        // too little to know.
        fence(Ordering::Acquire);
        let now = if group.latest <= deadline {
            deadline
        } else {
            self.time(Instant::now())
        };
        self.reached.fetch_max(now, Ordering::Release);
        Some(group.take_due(now))
    }

    /// Takes a waker out of the group that it joined.
    fn leave(&self, index: usize, until: Time, waker: &Waker) {
        let left = self.groups().leave(index, until, waker);
        // As in `close`: this may be the last waker of its task.
        let _ = panics::catch(|| drop(left));
    }

    fn groups(&self) -> MutexGuard<'_, TimerGroups> {
        self.groups.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TimerGroups {
    /// The group of this millisecond, if `recent` still knows it and its timer does not fire too late.
    #[inline]
    fn group_due_at(&mut self, until: Time) -> Option<(usize, &mut TimerGroup)> {
        let millisecond = millisecond(until);
        let index = self.recent[place(millisecond)];
        let group = self.list.get_mut(index)?;
        let is_it = group.deadline <= until && group.millisecond == millisecond;
        is_it.then_some((index, group))
    }

    /// Takes out a waker, if it still waits. A group without loops becomes free, unless its timer is being
    /// set: then it becomes free when that timer fires.
    fn leave(&mut self, index: usize, until: Time, waker: &Waker) -> Option<Waiting> {
        let group = self.list.get_mut(index)?;
        let is_it = |one: &Waiting| {
            let known = one.waker.as_ref();
            one.until == until && known.is_some_and(|known| known.will_wake(waker))
        };
        let slot = group.waiting.iter().position(is_it)?;
        let left = group.waiting.remove(slot);
        if group.waiting.is_empty() && group.timer.is_some() && group.deadline != NEVER {
            group.deadline = NEVER;
            self.free.push(index);
        }
        Some(left)
    }

    /// A group in which no loop waits: a free one, or a new one.
    fn one_more(&mut self, timers: &Arc<SharedTimers>, until: Time) -> usize {
        self.free.pop().unwrap_or_else(|| {
            let group = self.list.len();
            let timer = Box::pin(sleep_until(timers.instant(until)));
            let timers = Arc::downgrade(timers);
            self.list.push(TimerGroup {
                deadline: NEVER,
                millisecond: 0,
                latest: 0,
                waiting: Vec::new(),
                woken: Vec::new(),
                timer: Some(timer),
                timer_wake: Arc::new(TimerWake { timers, group }).into(),
            });
            group
        })
    }

    fn begin(&mut self, index: usize, until: Time, waker: &Waker) -> Option<TimerToSet> {
        let millisecond = millisecond(until);
        self.recent[place(millisecond)] = index;
        let group = &mut self.list[index];
        group.millisecond = millisecond;
        group.join(until, waker);
        group.set_to(until)
    }

    /// All due loops have been woken; `buffer` is kept for the next time. If other loops wait, their timer
    /// is returned to be set.
    fn go_on(&mut self, index: usize, buffer: Vec<Waiting>) -> Option<TimerToSet> {
        let group = self.list.get_mut(index)?;
        group.woken = buffer;
        let times = || group.waiting.iter().map(|waiting| waiting.until);
        let (next, latest) = (times().min(), times().max());
        group.latest = latest.unwrap_or_default();
        if next.is_none() {
            self.free.push(index);
        }
        group.set_to(next?)
    }
}

impl TimerGroup {
    fn join(&mut self, until: Time, waker: &Waker) {
        let waker = Some(waker.clone());
        self.latest = self.latest.max(until);
        self.waiting.push(Waiting { until, waker });
    }

    /// Takes out the loops whose time has come.
    fn take_due(&mut self, now: Time) -> Vec<Waiting> {
        self.deadline = NEVER;
        let mut woken = mem::take(&mut self.woken);
        if self.latest <= now {
            // The usual case: all of them.
            mem::swap(&mut woken, &mut self.waiting);
            return woken;
        }
        self.waiting.retain_mut(|one| {
            let waits = one.until > now;
            if !waits {
                let waker = one.waker.take();
                woken.push(Waiting { waker, ..*one });
            }
            waits
        });
        woken
    }

    fn set_to(&mut self, at: Time) -> Option<TimerToSet> {
        self.deadline = at;
        let timer_wake = self.timer_wake.clone();
        self.timer.take().map(|timer| TimerToSet {
            timer,
            timer_wake,
            at,
        })
    }
}

impl Wake for TimerWake {
    fn wake(self: Arc<Self>) {
        if let Some(timers) = self.timers.upgrade() {
            timers.wake_due(self.group);
        }
    }
}

#[inline]
fn millisecond(time: Time) -> u64 {
    time / NANOS_PER_MILLISECOND
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the remainder fits whatever is cut off before"
)]
fn place(millisecond: u64) -> usize {
    (millisecond % RECENT as u64) as usize
}
