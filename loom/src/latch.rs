//! A latch is closed while tasks begin to wait for the closing, and give up.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use loom::future::block_on;
use loom::thread;

use crate::shared::latch::Latch;
use crate::sync::AtomicBool;
use crate::task::{Task, check};

/// A waiter goes on, whether it came before the closing, during it or after.
///
/// Red when `poll_closed` does not check again under the lock, when `close` takes the waiters out before it writes
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

/// A latch that two threads close stays closed, and each waiter is woken once.
///
/// Red when `close` clones the wakers and leaves them with the waiters.
#[test]
fn two_closings_wake_each_waiter_once_and_keep_no_waker() {
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

/// A thread that sees the latch closed, without a lock, sees what was written before the closing.
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

/// A waiter that gives up takes its own waker out, and no other's.
///
/// Red when `Closed` does not leave at its drop, and when it takes out the waiter that came first in place of its own.
#[test]
fn a_waiter_that_gives_up_leaves_no_waker() {
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

/// A waiter that gives up while the latch is closed takes its own waker out, and the other goes on.
///
/// Red when a waiter takes out the one that came first in place of its own, when `poll_closed` does not check again
/// under the lock, and when `close` takes the waiters out before it writes `is_closed`.
#[test]
fn a_waiter_that_gives_up_at_the_closing_costs_the_other_no_wake_up() {
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

/// A waiter that is polled by another task is woken there.
///
/// Red when a waiter keeps the waker of its first poll.
#[test]
fn a_waiter_that_moves_to_another_task_is_woken_there() {
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
