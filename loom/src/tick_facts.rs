//! Ticks are triggered while the loop checks for its next turn, is told to stop, and ends.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::task::{Context, Poll, Waker};

use loom::future::block_on;
use loom::thread::{self, JoinHandle};
use tokio::time::Instant;

use crate::report::error::TriggerError;
use crate::shared::latch::Latch;
use crate::shared::tick_facts::TickFacts;
use crate::shared::trigger_calls::TriggerCalls;
use crate::sync::AtomicU8;
use crate::task::{Task, check};
use crate::time::moment::{Epoch, Moment};
use crate::time::point::Point;

/// A schedule without a timer: it ticks when it is triggered.
struct Schedule {
    /// The stop channel of the run.
    stop: Latch,
    ticks: TickFacts,
    begun: AtomicU8,
    now: Moment,
}

impl Schedule {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            stop: Latch::new(),
            ticks: TickFacts::default(),
            begun: AtomicU8::new(0),
            now: Epoch(Instant::now()).now(),
        })
    }

    /// Does what the instance does: closes the channel first.
    fn stop(&self) {
        self.stop.close();
        self.ticks.wake();
    }

    /// Ticks until the stop. Each tick fails, and the error is its number.
    async fn run(&self) {
        let mut next_turn = NextTurn::new(self);
        while let Turn::Asked = poll_fn(|task| next_turn.poll(task)).await {
            let mut calls = TriggerCalls::default();
            assert!(self.ticks.begun(self.now, None, None, &mut calls));
            let number: Arc<str> = self.begun.fetch_add(1, SeqCst).to_string().into();
            self.ticks.failed(self.now, Moment::NEVER, number.clone());
            calls.answer(&Err(number));
        }
    }

    /// Triggers a tick. Returns the number of the tick that answered, or `None` if no more will begin.
    fn trigger(&self) -> Option<u8> {
        number(block_on(self.ticks.trigger()))
    }

    /// How many ticks have begun.
    fn begun(&self) -> u8 {
        self.begun.load(SeqCst)
    }
}

fn number(answer: Result<(), TriggerError>) -> Option<u8> {
    match answer {
        Err(TriggerError::Failed(number)) => Some(number.parse().unwrap()),
        Err(TriggerError::Stopped) => None,
        other => panic!("no answer of this model: {other:?}"),
    }
}

enum Turn {
    Stopped,
    Asked,
}

/// Waits as the loop of a schedule does: it registers once for each waker, and then checks.
struct NextTurn<'a> {
    schedule: &'a Schedule,
    registered: Option<Waker>,
}

impl<'a> NextTurn<'a> {
    fn new(schedule: &'a Schedule) -> Self {
        schedule.ticks.open();
        Self {
            schedule,
            registered: None,
        }
    }

    fn poll(&mut self, task: &mut Context<'_>) -> Poll<Turn> {
        // `will_wake` is not always true of a clone of loom's wakers: their tables may have two addresses.
        let is_registered = |registered: &Waker| registered.data() == task.waker().data();
        if !self.registered.as_ref().is_some_and(is_registered) {
            self.registered = Some(task.waker().clone());
            self.schedule.ticks.listen(task.waker());
        }
        if self.schedule.stop.is_closed() {
            Poll::Ready(Turn::Stopped)
        } else if self.schedule.ticks.signals().is_asked() {
            Poll::Ready(Turn::Asked)
        } else {
            Poll::Pending
        }
    }
}

impl Drop for NextTurn<'_> {
    fn drop(&mut self) {
        self.schedule.ticks.close();
    }
}

/// Does the work in a thread of its own.
fn begin<T: 'static>(
    schedule: &Arc<Schedule>,
    work: impl FnOnce(&Schedule) -> T + 'static,
) -> JoinHandle<T> {
    let schedule = schedule.clone();
    thread::spawn(move || work(&schedule))
}

fn begin_loop(schedule: &Arc<Schedule>) -> JoinHandle<()> {
    begin(schedule, |schedule| block_on(schedule.run()))
}

/// Triggers a tick, and gives up if there is no answer at once.
fn ask_and_give_up(schedule: &Schedule, task: &Arc<Task>) {
    let _ = task.poll(pin!(schedule.ticks.trigger()));
}

/// Each of two calls is answered by a tick that began after it, which may be the same tick, and no tick begins without
/// a call.
///
/// Red when a call wakes before it is noted, and when it does not wake; when `wake` takes the waker out in place of
/// cloning it; when `begun` clears `is_asked` after it has released the lock; when `ask` sets it before it takes the
/// lock, or after it has released it; and when the loop checks for calls before it registers.
#[test]
fn a_call_is_answered_by_a_tick_that_began_after_it() {
    check(2, || {
        let schedule = Schedule::new();
        let runs = begin_loop(&schedule);
        let ask = |schedule: &Schedule| {
            let before = schedule.begun();
            let number = schedule.trigger().unwrap();
            assert!(number >= before, "answered by a tick that had begun before");
            number
        };
        let asks = begin(&schedule, ask);
        let numbers = [ask(&schedule), asks.join().unwrap()];
        schedule.stop();
        runs.join().unwrap();
        let ticks = if numbers[0] == numbers[1] { 1 } else { 2 };
        assert_eq!(schedule.begun(), ticks, "a tick without a call");
    });
}

/// The loop ends when it is told to, and a call at that moment has an answer: that of a tick, or that no tick will
/// follow.
///
/// Red when the stop wakes before it closes the channel, and when it does not wake; when the loop checks the channel
/// and the calls before it registers; and when `close` keeps the calls that wait, or does not refuse later ones.
#[test]
fn a_stop_is_seen_and_a_call_meanwhile_is_answered() {
    check(3, || {
        let schedule = Schedule::new();
        let runs = begin_loop(&schedule);
        let asks = begin(&schedule, Schedule::trigger);
        schedule.stop();
        runs.join().unwrap();
        let answer = asks.join().unwrap();
        assert_eq!(schedule.begun(), u8::from(answer.is_some()));
        assert!(!schedule.ticks.signals().is_asked());
    });
}

/// Calls that were given up are taken out to make room. The call that still waits is answered, and no waker of their
/// tasks is kept.
///
/// Red when `take_dropped` takes out calls that still wait, and when `wake` takes the waker out in place of cloning it.
#[test]
fn calls_that_are_given_up_cost_the_others_no_answer() {
    check(3, || {
        let (schedule, task) = (Schedule::new(), Task::new());
        // All the room there is for calls before the dropped ones are taken out.
        let mut stays = Box::pin(schedule.ticks.trigger());
        let waits = Task::new();
        assert!(waits.poll(stays.as_mut()).is_pending());
        for _ in 0..3 {
            ask_and_give_up(&schedule, &task);
        }
        let runs = begin_loop(&schedule);
        let gives_up = {
            let task = task.clone();
            begin(&schedule, move |schedule| ask_and_give_up(schedule, &task))
        };
        assert!(number(block_on(stays)).is_some());
        gives_up.join().unwrap();
        schedule.stop();
        runs.join().unwrap();
        assert!(task.is_let_go() && waits.is_let_go());
        assert!(!schedule.ticks.signals().is_asked());
    });
}

/// A loop that is polled by another task is woken there. When it has ended, no waker keeps its task's memory, though it
/// is woken at that moment.
///
/// Red when `listen` keeps the first waker, and when `close` keeps the waker; when the loop checks the channel before
/// it registers; and when the stop wakes before it closes the channel, or does not wake.
#[test]
fn a_loop_is_woken_where_it_is_polled_and_its_waker_goes_with_it() {
    check(3, || {
        let (schedule, before) = (Schedule::new(), Task::new());
        let supervisor = begin(&schedule, Schedule::stop);
        let mut runs: Pin<Box<_>> = Box::pin(schedule.run());
        if before.poll(runs.as_mut()).is_pending() {
            block_on(runs);
        } else {
            drop(runs);
        }
        supervisor.join().unwrap();
        assert!(before.is_let_go());
    });
}

/// The loop is dropped while the supervisor closes as well: a call meanwhile has an answer, and no call is left.
///
/// Red when `close` keeps the calls that wait, `is_asked` or the waker, and when it does not refuse later calls.
#[test]
fn two_closings_answer_every_call() {
    check(3, || {
        let (schedule, task) = (Schedule::new(), Task::new());
        let asks = begin(&schedule, Schedule::trigger);
        let supervisor = begin(&schedule, |schedule| schedule.ticks.close());
        let mut next_turn = NextTurn::new(&schedule);
        let _ = task.poll(pin!(poll_fn(|task| next_turn.poll(task))));
        drop(next_turn);
        supervisor.join().unwrap();
        assert_eq!(asks.join().unwrap(), None);
        assert!(!schedule.ticks.signals().is_asked());
        assert!(task.is_let_go());
    });
}

/// A loop that begins again owes no tick to calls that the end of the last loop has answered.
///
/// Red when `close` keeps `is_asked`, and when `ask` sets it before it takes the lock, or after it has released it.
#[test]
fn a_loop_that_begins_again_ticks_for_new_calls_only() {
    check(3, || {
        let schedule = Schedule::new();
        let asks = begin(&schedule, Schedule::trigger);
        schedule.ticks.close();
        schedule.ticks.open();
        let ticked = schedule.ticks.signals().is_asked().then(|| {
            let mut calls = TriggerCalls::default();
            assert!(schedule.ticks.begun(schedule.now, None, None, &mut calls));
            calls.answer(&Err("0".into()));
            0
        });
        schedule.ticks.close();
        assert_eq!(asks.join().unwrap(), ticked);
    });
}

/// A pause is a line: a tick that is due has begun before it, and is in flight, or does not begin.
///
/// Red when `begun` looks for the pause before it takes the lock, and when `pause` sets it without the lock.
#[test]
fn a_tick_that_is_due_begins_before_a_pause_or_not_at_all() {
    check(3, || {
        let schedule = Schedule::new();
        let due = begin(&schedule, |schedule| {
            let point = Point {
                due: schedule.now,
                time: None,
                missed: 0,
            };
            let mut calls = TriggerCalls::default();
            let ticks = &schedule.ticks;
            ticks.begun(schedule.now, None, Some(point), &mut calls)
        });
        assert!(schedule.ticks.pause());
        let is_in_flight = schedule.ticks.status().in_flight();
        assert_eq!(due.join().unwrap(), is_in_flight);
    });
}

/// The loop hears of a resume, and of the wish to read again, though it is about to wait.
///
/// Red when `resume` or `read_again` wakes before it sets its bit, and when it does not wake; and when `hear` clears a
/// bit that it has not read.
#[test]
fn what_the_loop_is_told_it_hears() {
    check(2, || {
        let schedule = Schedule::new();
        schedule.ticks.pause();
        let hears = begin(&schedule, |schedule| {
            let (mut resumed, mut registered) = (false, None::<Waker>);
            while !resumed {
                block_on(poll_fn(|task| {
                    if registered.is_none() {
                        registered = Some(task.waker().clone());
                        schedule.ticks.listen(task.waker());
                    }
                    let signals = schedule.ticks.signals();
                    if signals.is_resumed() || signals.must_read() {
                        Poll::Ready(())
                    } else {
                        Poll::Pending
                    }
                }));
                resumed |= schedule.ticks.hear().is_resumed();
                registered = None;
            }
            assert!(!schedule.ticks.is_paused());
            schedule.ticks.close();
        });
        let reads = begin(&schedule, |schedule| schedule.ticks.read_again());
        assert!(schedule.ticks.resume());
        reads.join().unwrap();
        hears.join().unwrap();
    });
}
