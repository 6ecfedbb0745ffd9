use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::task::Wake;

use super::*;

/// Counts how often it is woken, and may panic at it.
#[derive(Default)]
struct Count {
    woken: AtomicUsize,
    panics: bool,
}

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.woken.fetch_add(1, Ordering::Relaxed);
        assert!(!self.panics, "in a waker");
    }
}

fn counts(panics: bool) -> (Arc<Count>, Waker) {
    let count = Arc::new(Count {
        panics,
        ..Count::default()
    });
    (count.clone(), count.into())
}

#[test]
fn a_waker_that_panics_keeps_no_other_from_being_woken() {
    let latch = Latch::new();
    let mut all: Vec<_> = (0..100)
        .map(|number| (counts(number % 3 == 0), Box::pin(latch.closed())))
        .collect();
    for ((_, waker), closed) in &mut all {
        assert!(
            closed
                .as_mut()
                .poll(&mut task::Context::from_waker(waker))
                .is_pending()
        );
    }
    latch.close();
    for ((count, waker), closed) in &mut all {
        assert_eq!(count.woken.load(Ordering::Relaxed), 1);
        assert!(
            closed
                .as_mut()
                .poll(&mut task::Context::from_waker(waker))
                .is_ready()
        );
    }
}

#[test]
fn who_waits_no_longer_is_not_woken_and_leaves_nothing_behind() {
    let latch = Latch::new();
    let (count, waker) = counts(false);
    for _ in 0..3 {
        let mut first = Box::pin(latch.closed());
        let mut second = Box::pin(latch.closed());
        let mut task = task::Context::from_waker(&waker);
        assert!(first.as_mut().poll(&mut task).is_pending());
        assert!(second.as_mut().poll(&mut task).is_pending());
        assert!(second.as_mut().poll(&mut task).is_pending());
        assert_eq!(Arc::strong_count(&count), 4);
        drop(first);
        drop(second);
        assert_eq!(Arc::strong_count(&count), 2);
    }
    latch.close();
    assert_eq!(count.woken.load(Ordering::Relaxed), 0);
    assert!(
        pin!(latch.closed())
            .poll(&mut task::Context::from_waker(&waker))
            .is_ready()
    );
}

#[test]
fn a_waiter_that_moves_to_another_task_is_woken_there() {
    let latch = Latch::new();
    let ((old, old_waker), (new, new_waker)) = (counts(false), counts(false));
    let mut closed = pin!(latch.closed());
    assert!(
        closed
            .as_mut()
            .poll(&mut task::Context::from_waker(&old_waker))
            .is_pending()
    );
    assert!(
        closed
            .as_mut()
            .poll(&mut task::Context::from_waker(&new_waker))
            .is_pending()
    );
    latch.close();
    assert_eq!(old.woken.load(Ordering::Relaxed), 0);
    assert_eq!(new.woken.load(Ordering::Relaxed), 1);
}
