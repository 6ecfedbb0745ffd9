use std::future::Future;
use std::task::Wake;

use super::*;

struct Task;

impl Wake for Task {
    fn wake(self: Arc<Self>) {}
}

#[test]
fn once_closed_they_keep_no_task() {
    let (ticks, task) = (TickFacts::default(), Arc::new(Task));
    ticks.listen(&task.clone().into());
    assert_eq!(Arc::strong_count(&task), 2);
    ticks.close();
    assert_eq!(Arc::strong_count(&task), 1);
}
#[test]
fn an_asker_that_loses_interest_leaves_nothing_behind() {
    let ticks = TickFacts::default();
    let mut task = std::task::Context::from_waker(Waker::noop());
    for _ in 0..1_000 {
        let mut asked = Box::pin(ticks.trigger());
        assert!(asked.as_mut().poll(&mut task).is_pending());
    }
    assert!(ticks.inner().waiting.len() <= 4);
    assert!(ticks.signals().is_asked(), "the tick is still to come");
}
#[test]
fn a_loop_that_begins_again_owes_no_tick_to_the_callers_of_the_last_one() {
    let ticks = TickFacts::default();
    let mut task = std::task::Context::from_waker(Waker::noop());
    let mut asked = Box::pin(ticks.trigger());
    assert!(asked.as_mut().poll(&mut task).is_pending());
    ticks.close();
    assert!(asked.as_mut().poll(&mut task).is_ready());
    ticks.open();
    assert!(!ticks.signals().is_asked());
}
