//! Loops join, leave and go on while the timers fire, and while they are closed.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use loom::future::block_on;
use loom::thread::{self, JoinHandle};

use crate::task::{Task, check};
use crate::time::clock::{Instant, advance};
use crate::time::shared_timers::{SharedTimers, Timer};

/// Two instants of one millisecond, an instant between them at which a timer may fire, and one of the next
/// millisecond.
const SOON: Instant = Instant(1_000_100);
const BETWEEN: Instant = Instant(1_000_500);
const LATER: Instant = Instant(1_000_900);
const NEXT: Instant = Instant(2_000_100);

fn timers() -> Arc<SharedTimers> {
    SharedTimers::new(Instant(0))
}

/// Resolves when the timer says so.
async fn over(timer: &mut Timer<'_>) {
    poll_fn(|task: &mut Context<'_>| {
        if timer.is_over(task.waker()) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
}

/// As a loop of a schedule: goes on at each of these instants, and not before.
fn run(timers: &Arc<SharedTimers>, instants: &[Instant]) {
    block_on(async {
        let mut timer = Timer::new(timers);
        for at in instants {
            timer.set_to(*at);
            over(&mut timer).await;
            assert!(Instant::now() >= *at, "woken too soon");
        }
    });
}

fn begin(timers: &Arc<SharedTimers>, instants: &'static [Instant]) -> JoinHandle<()> {
    let timers = timers.clone();
    thread::spawn(move || run(&timers, instants))
}

fn join_all(threads: impl IntoIterator<Item = JoinHandle<()>>) {
    for thread in threads {
        thread.join().unwrap();
    }
}

/// Polls a wait once, and gives it up.
fn wait_once(timers: &Arc<SharedTimers>, task: &Arc<Task>, at: Instant) -> bool {
    let mut timer = Timer::new(timers);
    timer.set_to(at);
    let is_over = task.poll(pin!(over(&mut timer))).is_ready();
    assert!(!is_over || Instant::now() >= at, "over too soon");
    is_over
}

/// Loops that share a timer go on each at its own instant, whether they joined before the timer fired, while it was
/// being set, or while it woke others.
///
/// Red when `wake_due` is not called after a timer was set, be it for the first loop or for the others; when the timer
/// is set without its waker; when it is not set again for the others; and when a group keeps its deadline while its
/// loops are woken.
#[test]
fn loops_of_one_millisecond_go_on_at_their_instants() {
    check(2, || {
        let timers = timers();
        let loops = [begin(&timers, &[SOON]), begin(&timers, &[LATER])];
        for now in [BETWEEN, LATER] {
            advance(now);
        }
        join_all(loops);
    });
}

/// A group in which no loop waits is used for another millisecond, while the loops of the first are being woken.
///
/// Red when `wake_due` is not called after a timer was set, and when it is not set again for the others.
#[test]
fn loops_that_come_back_go_on_at_their_instants() {
    check(2, || {
        let timers = timers();
        let loops = [begin(&timers, &[SOON, NEXT]), begin(&timers, &[NEXT])];
        for now in [LATER, NEXT] {
            advance(now);
        }
        join_all(loops);
    });
}

/// A loop that leaves has its waker dropped, and the others are still woken, though the timer was set for the one that
/// leaves, and though the timer is being set or fires.
///
/// Red when `wake_due` is not called after a timer was set, and when it is not set again for the others.
#[test]
fn a_loop_that_leaves_costs_the_others_no_wake_up() {
    check(2, || {
        let (timers, task) = (timers(), Task::new());
        let leaves = {
            let (timers, task) = (timers.clone(), task.clone());
            thread::spawn(move || {
                let mut timer = Timer::new(&timers);
                timer.set_to(SOON);
                let waker = task.waker();
                if !timer.is_over(&waker) {
                    timer.leave(&waker);
                }
            })
        };
        let stays = begin(&timers, &[LATER]);
        advance(LATER);
        join_all([leaves, stays]);
        assert!(task.is_let_go());
    });
}

/// A loop that is set to a sooner instant goes on then, though the others of its millisecond wait for a later one.
///
/// Red when a loop that has joined for later does not join anew, and when it joins a group whose timer fires too late.
#[test]
fn a_loop_that_is_set_to_a_sooner_instant_goes_on_then() {
    check(2, || {
        let timers = timers();
        let others = Task::new();
        let changes = {
            let timers = timers.clone();
            thread::spawn(move || {
                block_on(async {
                    let mut timer = Timer::new(&timers);
                    timer.set_to(NEXT);
                    poll_fn(|task: &mut Context<'_>| {
                        let _ = timer.is_over(task.waker());
                        Poll::Ready(())
                    })
                    .await;
                    timer.set_to(SOON);
                    over(&mut timer).await;
                    assert!(Instant::now() >= SOON, "woken too soon");
                });
            })
        };
        let _ = wait_once(&timers, &others, LATER);
        advance(BETWEEN);
        changes.join().unwrap();
    });
}

/// Closed timers keep no waker: not of loops that waited, nor of loops that were being woken, nor of loops that join
/// later.
///
/// Red when `close` keeps the groups, and when a loop that joins afterwards is kept.
#[test]
fn closed_timers_keep_no_waker() {
    check(2, || {
        let timers = timers();
        let tasks = [SOON, LATER].map(|at| (Task::new(), at));
        let waiting = tasks.clone().map(|(task, at)| {
            let timers = timers.clone();
            thread::spawn(move || {
                wait_once(&timers, &task, at);
            })
        });
        let closes = {
            let timers = timers.clone();
            thread::spawn(move || timers.close())
        };
        advance(BETWEEN);
        join_all(waiting.into_iter().chain([closes]));
        assert!(tasks.iter().all(|(task, _)| task.is_let_go()));
    });
}

/// A loop that finds its instant reached, without a lock, finds the clock there as well.
///
/// Red when `join` writes `reached` with `Relaxed`, and when it is read so.
#[test]
fn an_instant_that_is_reached_has_been_shown_by_the_clock() {
    check(3, || {
        let timers = timers();
        let _ = Instant::now();
        let sees = {
            let timers = timers.clone();
            thread::spawn(move || wait_once(&timers, &Task::new(), SOON))
        };
        advance(SOON);
        run(&timers, &[SOON]);
        sees.join().unwrap();
    });
}
