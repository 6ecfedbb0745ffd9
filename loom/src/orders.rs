//! Orders are given while the service's task checks for them.

use std::future::poll_fn;
use std::mem;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll, ready};

use loom::future::block_on;
use loom::thread;

use crate::shared::orders::Orders;
use crate::sync::AtomicBool;
use crate::task::{Task, check};

/// Does what the runner does: registers once, checks, and sleeps when no order is new.
async fn until(orders: &Orders, all: u8) {
    let (mut seen, mut listens) = (0, false);
    let obey = poll_fn(|task: &mut Context<'_>| {
        while seen != all {
            if !mem::replace(&mut listens, true) {
                orders.listen(task);
            }
            let given = ready!(orders.poll_beyond(seen));
            assert_eq!(given & seen, seen, "an order was taken back");
            seen = given;
        }
        Poll::Ready(())
    });
    obey.await;
}

/// The task sees each order, whichever threads give them and in whichever sequence. It does not sleep while there is
/// an order that it has not seen.
///
/// Red when `give` wakes before it notes, when it does not wake, when `note` overwrites earlier orders, and when the
/// runner checks before it registers.
#[test]
fn the_last_order_is_seen_before_the_task_sleeps() {
    check(3, || {
        let orders = Arc::new(Orders::default());
        let given = [Orders::READY, Orders::STOP].map(|order| {
            let orders = orders.clone();
            thread::spawn(move || orders.give(order))
        });
        block_on(until(&orders, Orders::READY | Orders::STOP));
        for thread in given {
            thread.join().unwrap();
        }
    });
}

/// A thread that sees an order, without a lock, sees what was written before it: for example that the stop channel
/// is closed.
///
/// Red when an order is noted or read with `Relaxed`.
#[test]
fn what_was_written_before_an_order_is_seen_after_it() {
    check(3, || {
        let shared = Arc::new((Orders::default(), AtomicBool::new(false)));
        let supervisor = {
            let shared = shared.clone();
            thread::spawn(move || {
                shared.1.store(true, Relaxed);
                shared.0.give(Orders::STOP);
            })
        };
        if shared.0.poll_beyond(0).is_ready() {
            assert!(shared.1.load(Relaxed));
        }
        if shared.0.given(Orders::STOP) {
            assert!(shared.1.load(Relaxed));
        }
        supervisor.join().unwrap();
    });
}

/// When the task has ended, no waker keeps its memory, though orders come at that moment.
///
/// Red when `forget` does nothing.
#[test]
fn the_orders_keep_no_waker_of_a_task_that_has_ended() {
    check(3, || {
        let (orders, task) = (Arc::new(Orders::default()), Task::new());
        let supervisor = {
            let orders = orders.clone();
            thread::spawn(move || orders.give(Orders::DROP_ALL))
        };
        let _ = task.poll(pin!(until(&orders, Orders::DROP_ALL)));
        orders.forget();
        supervisor.join().unwrap();
        assert!(task.is_let_go());
    });
}
