//! A latch that is closed while others come to wait at it, and leave.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use loom::future::block_on;
use loom::thread;

use crate::shared::latch::Latch;
use crate::sync::AtomicBool;
use crate::task::{Task, check};

/// Whoever waits goes on, whether it came before the closing, during it or after.
///
/// Red when `Closed::poll` does not look again under the lock, when `close` takes the waiters out before it writes
/// `is_closed`, and when a second waiter takes the place of the first.
#[test]
fn every_waiter_sees_the_closing() {
    check(3, || {
        let latch = Arc::new(Latch::new());
        let waiters = [0, 1].map(|_| {
            let latch = latch.clone();
            thread::spawn(move || block_on(latch.closed()))
        });
        latch.close();
        for waiter in waiters {
            waiter.join().unwrap();
        }
    });
}

/// It stays closed, and a second closing harms nobody: one who waits is woken, once.
///
/// Red when `close` clones the wakers and leaves them with the waiters.
#[test]
fn closed_by_two_it_wakes_each_waiter_once_and_lets_go_of_it() {
    check(3, || {
        let latch = Arc::new(Latch::new());
        let task = Task::new();
        let closers = [0, 1].map(|_| {
            let latch = latch.clone();
            thread::spawn(move || latch.close())
        });
        let mut closed = Box::pin(latch.closed());
        let waited = task.poll(closed.as_mut()).is_pending();
        for closer in closers {
            closer.join().unwrap();
        }
        assert_eq!(task.was_woken(), usize::from(waited));
        assert!(task.poll(closed.as_mut()).is_ready());
        assert!(task.is_let_go());
    });
}

/// What was written before the closing is there for who sees it closed, though it takes no lock.
///
/// Red when `is_closed` is written or read with `Relaxed`.
#[test]
fn what_was_written_before_the_closing_is_seen_after_it() {
    check(3, || {
        let shared = Arc::new((Latch::new(), AtomicBool::new(false)));
        let closer = {
            let shared = shared.clone();
            thread::spawn(move || {
                shared.1.store(true, Relaxed);
                shared.0.close();
            })
        };
        if shared.0.is_closed() {
            assert!(shared.1.load(Relaxed));
        }
        closer.join().unwrap();
    });
}

/// A waiter that loses interest takes its own waker with it, and no other's.
///
/// Red when `Closed` does not leave at its drop, and when it takes out the waiter that came first in place of its own.
#[test]
fn one_that_waits_no_longer_leaves_nothing_behind() {
    check(3, || {
        let latch = Arc::new(Latch::new());
        let task = Task::new();
        let stays = {
            let latch = latch.clone();
            thread::spawn(move || block_on(latch.closed()))
        };
        assert!(task.poll(pin!(latch.closed())).is_pending());
        assert!(task.is_let_go());
        latch.close();
        stays.join().unwrap();
    });
}

/// The same while the latch is closed.
///
/// Red when a waiter takes out the one that came first in place of its own, when `Closed::poll` does not look again
/// under the lock, and when `close` takes the waiters out before it writes `is_closed`.
#[test]
fn one_that_leaves_at_the_closing_keeps_nobody_from_it() {
    check(3, || {
        let latch = Arc::new(Latch::new());
        let task = Task::new();
        let stays = {
            let latch = latch.clone();
            thread::spawn(move || block_on(latch.closed()))
        };
        let leaves = {
            let (latch, task) = (latch.clone(), task.clone());
            thread::spawn(move || {
                let _ = task.poll(pin!(latch.closed()));
            })
        };
        latch.close();
        for thread in [leaves, stays] {
            thread.join().unwrap();
        }
        assert!(task.is_let_go());
    });
}

/// One that goes on in another task is woken there.
///
/// Red when a waiter keeps the waker with which it came.
#[test]
fn one_that_moves_to_another_task_is_woken_there() {
    check(3, || {
        let latch = Arc::new(Latch::new());
        let waiter = {
            let latch = latch.clone();
            thread::spawn(move || {
                let mut closed = pin!(latch.closed());
                let before = Task::new();
                if before.poll(closed.as_mut()).is_pending() {
                    block_on(closed);
                }
                before.is_let_go()
            })
        };
        latch.close();
        assert!(waiter.join().unwrap());
    });
}
