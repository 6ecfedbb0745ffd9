//! Ticks that are asked for while the loop looks for its next turn, is told to stop, and ends.

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
use crate::sync::AtomicU8;
use crate::task::{Task, check};

/// A schedule without a timer: it ticks when it is asked to.
struct Schedule {
    /// The stop channel of the run.
    stop: Latch,
    ticks: TickFacts,
    begun: AtomicU8,
    now: Instant,
}

impl Schedule {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            stop: Latch::new(),
            ticks: TickFacts::default(),
            begun: AtomicU8::new(0),
            now: Instant::now(),
        })
    }

    /// As the instance does: the channel is closed first.
    fn stop(&self) {
        self.stop.close();
        self.ticks.wake();
    }

    /// Ticks until it is to stop. Each tick fails, and the error is its number.
    async fn run(&self) {
        let mut next_turn = NextTurn::new(self);
        while let Turn::Asked = poll_fn(|task| next_turn.poll(task)).await {
            let calls = self.ticks.begun(self.now);
            let number: Arc<str> = self.begun.fetch_add(1, SeqCst).to_string().into();
            self.ticks.failed(self.now, None, number.clone());
            calls.answer(&Err(number));
        }
    }

    /// Asks for a tick: the number of the one that answered, or `None` when there are no more.
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

/// As the loop of a schedule waits: it registers once for each waker, and then looks.
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
        } else if self.schedule.ticks.is_asked() {
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

/// Does this in a thread of its own.
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

/// Asks, and loses interest if there is no answer at once.
fn ask_and_give_up(schedule: &Schedule, task: &Arc<Task>) {
    let _ = task.poll(pin!(schedule.ticks.trigger()));
}

/// Each of two calls is answered by a tick that began after it, be it the same tick or not, and no tick begins that
/// nobody has asked for.
///
/// Red when a call wakes before it is noted, and when it does not wake; when `wake` takes the waker out in place of
/// cloning it; when `begun` clears `is_asked` after it has released the lock; when `ask` sets it before it takes the
/// lock, or after it has released it; and when the loop looks for calls before it registers.
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
        assert_eq!(schedule.begun(), ticks, "a tick nobody has asked for");
    });
}

/// The loop ends once it is told to, and whoever asks at that moment has an answer: that of a tick, or that there
/// are no more.
///
/// Red when the stop wakes before it closes the channel, and when it does not wake; when the loop looks at the channel
/// and for calls before it registers; and when `close` leaves those who wait, or does not refuse those who come later.
#[test]
fn a_stop_is_seen_and_whoever_asks_meanwhile_is_told() {
    check(3, || {
        let schedule = Schedule::new();
        let runs = begin_loop(&schedule);
        let asks = begin(&schedule, Schedule::trigger);
        schedule.stop();
        runs.join().unwrap();
        let answer = asks.join().unwrap();
        assert_eq!(schedule.begun(), u8::from(answer.is_some()));
        assert!(!schedule.ticks.is_asked());
    });
}

/// One who gives up keeps no other from its answer, though it is taken out to make room, and its task is let go of.
///
/// Red when `take_dropped` takes out those who still wait, and when `wake` takes the waker out in place of cloning it.
#[test]
fn one_that_gives_up_keeps_nobody_from_an_answer() {
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
        assert!(!schedule.ticks.is_asked());
    });
}

/// A loop that goes on in another task is woken there, and once it has ended nothing keeps its task's memory, though
/// it is woken at that moment.
///
/// Red when `listen` keeps the first waker, and when `close` leaves the waker; when the loop looks at the channel before
/// it registers; and when the stop wakes before it closes the channel, or does not wake.
#[test]
fn a_loop_is_woken_where_it_is_and_let_go_of_when_it_ends() {
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

/// The loop is dropped and the supervisor closes as well: whoever asks meanwhile has an answer, and nothing is left
/// asked for.
///
/// Red when `close` leaves those who wait, `is_asked` or the waker, and when it does not refuse those who come later.
#[test]
fn closed_by_two_they_leave_nobody_without_an_answer() {
    check(3, || {
        let (schedule, task) = (Schedule::new(), Task::new());
        let asks = begin(&schedule, Schedule::trigger);
        let supervisor = begin(&schedule, |schedule| schedule.ticks.close());
        let mut next_turn = NextTurn::new(&schedule);
        let _ = task.poll(pin!(poll_fn(|task| next_turn.poll(task))));
        drop(next_turn);
        supervisor.join().unwrap();
        assert_eq!(asks.join().unwrap(), None);
        assert!(!schedule.ticks.is_asked());
        assert!(task.is_let_go());
    });
}

/// A loop that begins again owes no tick to those whom the end of the last one has told.
///
/// Red when `close` leaves `is_asked`, and when `ask` sets it before it takes the lock, or after it has released it.
#[test]
fn a_loop_that_begins_again_ticks_for_those_alone_who_ask_it() {
    check(3, || {
        let schedule = Schedule::new();
        let asks = begin(&schedule, Schedule::trigger);
        schedule.ticks.close();
        schedule.ticks.open();
        let ticked = schedule.ticks.is_asked().then(|| {
            let calls = schedule.ticks.begun(schedule.now);
            calls.answer(&Err("0".into()));
            0
        });
        schedule.ticks.close();
        assert_eq!(asks.join().unwrap(), ticked);
    });
}
