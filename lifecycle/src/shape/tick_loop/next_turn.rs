//! The wait of a loop for its next turn.

use std::mem;
use std::task::{self, Poll, Waker};

use tokio::task::coop::poll_proceed;

use crate::shared::context::Context;
use crate::shared::run::Run;
use crate::shared::tick_facts::{Signals, TickFacts};
use crate::time::shared_timers::Timer;

/// Why the loop goes on.
#[derive(Clone, Copy)]
pub(super) enum Turn {
    Stopped,
    /// A tick may be due, and the values are read if none is.
    Due,
    /// A tick was asked for.
    Asked,
    /// The schedule was resumed, or the values are to be read.
    Told,
}

/// The wait of a loop for its next turn.
pub(super) struct NextTurn<'a> {
    run: &'a Run,
    ticks: &'a TickFacts,
    pub(super) timer: Timer<'a>,
    /// The waker that both would wake.
    registered: Option<Waker>,
    /// The loop has waited since its last turn, and so has yielded.
    has_waited: bool,
}

impl<'a> NextTurn<'a> {
    pub(super) fn new(cx: &'a Context, ticks: &'a TickFacts) -> Self {
        ticks.open_loop(cx.application().epoch());
        let timer = Timer::new(cx.application().timers());
        Self {
            run: cx.run(),
            ticks,
            timer,
            registered: None,
            has_waited: false,
        }
    }

    /// Written by hand and not with `select!`, because it is most of what a tick costs.
    #[inline]
    pub(super) fn poll(&mut self, task: &mut task::Context<'_>) -> Poll<Turn> {
        let is_registered = |registered: &Waker| registered.will_wake(task.waker());
        if !self.registered.as_ref().is_some_and(is_registered) {
            self.register(task.waker());
        }
        // The stop is checked first, so that no tick begins after the request.
        if self.run.stop.is_closed() {
            return Poll::Ready(Turn::Stopped);
        }
        let Some(turn) = self.turn(task.waker()) else {
            self.has_waited = true;
            return Poll::Pending;
        };
        if mem::take(&mut self.has_waited) {
            return Poll::Ready(turn);
        }
        // A schedule that is always late must still yield to other tasks of the runtime.
        poll_proceed(task).map(|turns| {
            turns.made_progress();
            turn
        })
    }

    #[inline]
    fn turn(&mut self, waker: &Waker) -> Option<Turn> {
        let signals = self.ticks.signals();
        if signals.are_none() {
            return self.timer.is_over(waker).then_some(Turn::Due);
        }
        self.turn_told(signals, waker)
    }

    /// A resume comes before what is due, because the rule for missed points decides about that; and what is due before
    /// the values are read, which would be done at its end.
    #[cold]
    fn turn_told(&mut self, signals: Signals, waker: &Waker) -> Option<Turn> {
        if signals.is_resumed() {
            Some(Turn::Told)
        } else if self.timer.is_over(waker) {
            Some(Turn::Due)
        } else if signals.must_read() {
            Some(Turn::Told)
        } else {
            signals.is_asked().then_some(Turn::Asked)
        }
    }

    fn register(&mut self, waker: &Waker) {
        self.registered = Some(waker.clone());
        self.ticks.listen(waker);
        self.timer.forget_waker();
    }
}

/// However the loop ends, by itself or dropped, the callers that wait for a tick get an answer.
impl Drop for NextTurn<'_> {
    fn drop(&mut self) {
        self.ticks.close();
        // When the application stops, `SharedTimers::close` drops all wakers at once: there is no need to
        // take the lock for each loop.
        let others_go_on = !self.run.stop.is_closed() || self.run.is_followed();
        if let (Some(waker), true) = (&self.registered, others_go_on) {
            self.timer.leave(waker);
        }
    }
}
