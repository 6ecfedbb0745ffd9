//! The memory that an intake keeps, what is written off, and destructors that panic.

use super::*;
use crate::report::error::Fault;

/// Takes all that waits, as one batch, and flushes it.
fn flush_all<T>(outlet: &mut Outlet<T>) -> Option<Fault> {
    outlet.take(usize::MAX);
    let batch = outlet.take_batch();
    assert!(outlet.settled(batch.len()));
    let (fault, buffer) = batch.drop_items();
    outlet.reuse(buffer);
    fault
}

fn bytes(outlet: &Outlet<[u64; 4]>) -> usize {
    let places = outlet.current.batch.0.capacity() + outlet.shared.ledger().waiting.capacity();
    places * size_of::<[u64; 4]>()
}

#[test]
fn the_memory_of_a_large_batch_is_given_back_and_that_of_a_small_one_is_kept() {
    let intake = Intake::bounded(100_000);
    let mut outlet = intake.try_outlet(1).unwrap();
    for _ in 0..100_000 {
        intake.try_send([0; 4]).unwrap();
    }
    flush_all(&mut outlet);
    assert!(bytes(&outlet) <= 2 * MAX_KEPT_BYTES, "{}", bytes(&outlet));
    for _ in 0..100 {
        intake.try_send([0; 4]).unwrap();
    }
    flush_all(&mut outlet);
    let kept = (
        outlet.current.batch.0.capacity(),
        outlet.shared.ledger().waiting.capacity(),
    );
    assert!(kept.0 >= 100 && kept.1 >= 100, "{kept:?}");
}

#[test]
fn what_was_written_off_is_neither_taken_nor_flushed() {
    let intake = Intake::bounded(10);
    let mut outlet = intake.try_outlet(1).unwrap();
    for item in 0..5 {
        intake.try_send(item).unwrap();
    }
    outlet.take(2);
    let erased = intake.erased();
    assert_eq!(erased.end(2), 0, "another service holds it");
    assert_eq!((erased.depth(), intake.is_closed()), (5, false));
    assert_eq!((erased.end(1), erased.end(1)), (5, 0), "once");
    assert!(!outlet.settled(2));
    outlet.take(3);
    assert_eq!(outlet.current.batch.len(), 2);
    assert_eq!((erased.depth(), intake.is_closed()), (0, true));
}

/// Panics when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("in a destructor");
    }
}

#[test]
fn items_whose_destructors_panic_do_not_abort() {
    let intake = Intake::bounded(10);
    for _ in 0..9 {
        assert!(intake.try_send(Bomb).is_ok());
    }
    let mut outlet = intake.try_outlet(1).unwrap();
    outlet.current.batch = outlet.next_batch(3).unwrap();
    outlet.shared.ledger().taken -= 3;
    drop(outlet.take_batch());
    outlet.current.batch = outlet.next_batch(3).unwrap();
    drop(outlet);
    drop(intake);
}
