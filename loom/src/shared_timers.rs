//! Loops that come to wait, leave and go on while the timers ring, and while they are closed.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use loom::future::block_on;
use loom::thread::{self, JoinHandle};

use crate::task::{Task, check};
use crate::time::clock::{Instant, advance};
use crate::time::shared_timers::{SharedTimers, Timer};

/// Two instants of one beat, between which a timer may ring, and one of the next beat.
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
            timer.set(*at);
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

/// Waits once, as who may lose interest.
fn wait_once(timers: &Arc<SharedTimers>, task: &Arc<Task>, at: Instant) -> bool {
    let mut timer = Timer::new(timers);
    timer.set(at);
    let is_over = task.poll(pin!(over(&mut timer))).is_ready();
    assert!(!is_over || Instant::now() >= at, "over too soon");
    is_over
}

/// Those who share a timer go on each at its own instant, whether they came before the timer rang, while it was
/// being set, or while it woke others.
///
/// Red when a timer that has been set, be it for the first or for the others, is not looked at afterwards; when it is
/// set without its waker; when it does not ring again for the others; and when a group keeps its deadline while its
/// loops are woken.
#[test]
fn loops_of_one_beat_go_on_at_their_instants() {
    check(2, || {
        let timers = timers();
        let loops = [begin(&timers, &[SOON]), begin(&timers, &[LATER])];
        for now in [BETWEEN, LATER] {
            advance(now);
        }
        join_all(loops);
    });
}

/// A group that nobody waits in any more is used for another beat, while what it rang for is still being woken.
///
/// Red when a timer that has been set is not looked at afterwards, and when it does not ring again for the others.
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

/// One that leaves lets go of its waker and takes nobody else with it, though it was the one for whom the timer was
/// set, and though the timer is being set or rings.
///
/// Red when a timer that has been set is not looked at afterwards, and when it does not ring again for the others.
#[test]
fn one_that_leaves_takes_nobody_with_it() {
    check(2, || {
        let (timers, task) = (timers(), Task::new());
        let leaves = {
            let (timers, task) = (timers.clone(), task.clone());
            thread::spawn(move || {
                let mut timer = Timer::new(&timers);
                timer.set(SOON);
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

/// One that is set to a sooner instant goes on at that, and does not wait for what the others of its beat wait for.
///
/// Red when a loop that has joined for later does not join anew, and when it joins a group whose timer rings too late.
#[test]
fn one_that_is_set_to_a_sooner_instant_goes_on_then() {
    check(2, || {
        let timers = timers();
        let others = Task::new();
        let changes = {
            let timers = timers.clone();
            thread::spawn(move || {
                block_on(async {
                    let mut timer = Timer::new(&timers);
                    timer.set(NEXT);
                    poll_fn(|task: &mut Context<'_>| {
                        let _ = timer.is_over(task.waker());
                        Poll::Ready(())
                    })
                    .await;
                    timer.set(SOON);
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

/// Once closed, they keep no waker: none of those who waited, none that were being woken, none that come later.
///
/// Red when `close` keeps the groups, and when one that comes afterwards is kept.
#[test]
fn once_closed_they_let_go_of_all() {
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

/// Whoever finds that its instant has come, without a lock, finds the clock there as well.
///
/// Red when `join` writes `reached` with `Relaxed`, and when it is read so.
#[test]
fn what_is_over_without_a_look_at_the_clock_is_over_by_the_clock() {
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
