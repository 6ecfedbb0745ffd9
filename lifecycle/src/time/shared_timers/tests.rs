//! Loops that wait for milliseconds, on a paused clock; and many at once, on threads.

use std::future::poll_fn;
use std::sync::atomic::AtomicUsize;
use std::task::Poll;

use fastrand::Rng;
use tokio::runtime::Builder;
use tokio::task::yield_now;
use tokio::time::{advance, timeout};

use super::*;

/// Counts how often it wakes.
#[derive(Default)]
struct Count(AtomicUsize);

impl Count {
    fn woken(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn counter() -> (Arc<Count>, Waker) {
    let count = Arc::new(Count::default());
    (count.clone(), count.into())
}

fn paused(test: impl Future<Output = ()>) {
    Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap()
        .block_on(test);
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Resolves when the time of the timer has come.
async fn over(timer: &mut Timer<'_>) {
    poll_fn(|task| {
        if timer.is_over(task.waker()) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
}

/// Runs the test for a loop that is alone, and for one beside another.
fn alone_and_beside_another(test: &impl AsyncFn(&Arc<SharedTimers>, usize)) {
    for others in [0, 1] {
        paused(async {
            let shared = SharedTimers::new(Instant::now());
            let beside: Vec<_> = (0..others).map(|_| Timer::new(&shared)).collect();
            test(&shared, others).await;
            drop(beside);
        });
    }
}

#[test]
fn loops_that_wait_for_one_millisecond_share_a_timer() {
    paused(async {
        let shared = SharedTimers::new(Instant::now());
        let waiting: Vec<_> = (0..100).map(|_| counter()).collect();
        let mut timers: Vec<_> = waiting.iter().map(|_| Timer::new(&shared)).collect();
        // In turn, as services of two intervals come back in any order.
        for (index, timer) in timers.iter_mut().enumerate() {
            let after = if index.is_multiple_of(2) { 10 } else { 15 };
            timer.set_to(Instant::now() + millis(after));
            assert!(!timer.is_over(&waiting[index].1));
        }
        assert_eq!(shared.groups().list.len(), 2);
        for (wait, woken) in [(9, [0, 0]), (1, [1, 0]), (4, [1, 0]), (1, [1, 1])] {
            advance(millis(wait)).await;
            for (index, (count, _)) in waiting.iter().enumerate() {
                assert_eq!(count.woken(), woken[index % 2]);
            }
        }
        for (timer, (_, waker)) in timers.iter_mut().zip(&waiting) {
            assert!(timer.is_over(waker));
        }
    });
}

#[test]
fn each_loop_is_woken_when_a_timer_of_its_own_would_fire() {
    paused(async {
        // Tokio's milliseconds end 0.7 ms after each of ours.
        advance(Duration::from_micros(300)).await;
        let epoch = Instant::now();
        let shared = SharedTimers::new(epoch);
        let dues = [500, 600, 700, 701, 900];
        let waiting = dues.map(|_| counter());
        let mut timers = dues.map(|due| (due, Timer::new(&shared)));
        for ((due, timer), (_, waker)) in timers.iter_mut().zip(&waiting) {
            timer.set_to(epoch + Duration::from_micros(*due));
            assert!(!timer.is_over(waker));
        }
        assert_eq!(shared.groups().list.len(), 1);
        let woken = || waiting.each_ref().map(|(count, _)| count.woken());
        advance(Duration::from_micros(700)).await;
        assert_eq!(woken(), [1, 1, 1, 0, 0]);
        for ((due, timer), (_, waker)) in timers.iter_mut().zip(&waiting) {
            assert_eq!(timer.is_over(waker), *due <= 700);
        }
        advance(millis(1)).await;
        assert_eq!(woken(), [1; 5]);
        assert_eq!(shared.groups().list.len(), 1);
        assert_eq!(shared.groups().free.len(), 1);
    });
}

#[test]
fn a_loop_that_joins_late_and_is_due_first_is_woken_first() {
    paused(async {
        advance(Duration::from_micros(300)).await;
        let epoch = Instant::now();
        let shared = SharedTimers::new(epoch);
        let ((late, late_waker), (soon, soon_waker)) = (counter(), counter());
        let mut timers = [Timer::new(&shared), Timer::new(&shared)];
        timers[0].set_to(epoch + Duration::from_micros(900));
        assert!(!timers[0].is_over(&late_waker));
        timers[1].set_to(epoch + Duration::from_micros(500));
        assert!(!timers[1].is_over(&soon_waker));
        advance(Duration::from_micros(700)).await;
        assert_eq!((soon.woken(), late.woken()), (1, 0));
        advance(millis(1)).await;
        assert_eq!((soon.woken(), late.woken()), (1, 1));
    });
}

#[test]
fn each_loop_goes_on_by_the_millisecond_and_never_early() {
    alone_and_beside_another(&async |shared, _| {
        let epoch = Instant::now();
        let mut timer = Timer::new(shared);
        for (micros, milli) in [
            (1, 1),
            (999, 1),
            (1_000, 1),
            (1_001, 2),
            (7_000, 7),
            (7_500, 8),
        ] {
            let at = epoch + Duration::from_micros(micros);
            timer.set_to(at);
            over(&mut timer).await;
            assert_eq!(Instant::now(), epoch + millis(milli), "{micros} us");
        }
    });
}

#[test]
fn a_time_that_has_come_is_over_at_once() {
    alone_and_beside_another(&async |shared, _| {
        let epoch = Instant::now();
        advance(millis(50)).await;
        let (count, waker) = counter();
        let mut timer = Timer::new(shared);
        for at in [epoch, epoch + millis(20), epoch + millis(50)] {
            timer.set_to(at);
            assert!(timer.is_over(&waker));
        }
        assert_eq!(shared.groups().list.len(), 0, "no timer was needed");
        assert_eq!(count.woken(), 0);
    });
}

#[test]
fn a_time_that_never_comes_has_no_timer() {
    alone_and_beside_another(&async |shared, _| {
        let (count, waker) = counter();
        let mut timer = Timer::new(shared);
        assert!(!timer.is_over(&waker), "not set yet");
        assert_eq!(shared.groups().list.len(), 0);
        advance(Duration::from_hours(1_000_000)).await;
        assert!(!timer.is_over(&waker));
        assert_eq!(count.woken(), 0);
    });
}

#[test]
fn a_timer_that_is_put_off_is_woken_once_too_soon() {
    alone_and_beside_another(&async |shared, others| {
        let epoch = Instant::now();
        let (count, waker) = counter();
        let mut timer = Timer::new(shared);
        for after in 10..1_000 {
            timer.set_to(epoch + millis(after));
            assert!(!timer.is_over(&waker));
        }
        assert_eq!(
            shared.groups().list.len(),
            others,
            "of 990 that it was set to"
        );
        advance(millis(10)).await;
        assert_eq!(count.woken(), 1);
        assert!(!timer.is_over(&waker));
        advance(millis(980)).await;
        assert_eq!(count.woken(), 1);
        advance(millis(9)).await;
        assert_eq!(count.woken(), 2);
        assert!(timer.is_over(&waker));
    });
}

#[test]
fn a_timer_that_is_brought_forward_comes_in_time() {
    alone_and_beside_another(&async |shared, _| {
        let epoch = Instant::now();
        let (count, waker) = counter();
        let mut timer = Timer::new(shared);
        for after in [1_000, 500, 20] {
            timer.set_to(epoch + millis(after));
            assert!(!timer.is_over(&waker));
        }
        advance(millis(20)).await;
        assert_eq!(count.woken(), 1);
        assert!(timer.is_over(&waker));
    });
}

#[test]
fn a_timer_that_is_brought_forward_again_and_again_leaves_nothing_behind() {
    paused(async {
        let epoch = Instant::now();
        let shared = SharedTimers::new(epoch);
        let (long, short) = (counter(), counter());
        let mut other = Timer::new(&shared);
        let mut timer = Timer::new(&shared);
        other.set_to(epoch + millis(60_000));
        assert!(!other.is_over(&short.1));
        for turn in 0..1_000 {
            timer.set_to(epoch + millis(60_000 + 7 * turn));
            assert!(!timer.is_over(&long.1));
            timer.set_to(epoch + millis(turn + 1));
            assert!(!timer.is_over(&long.1));
            advance(millis(1)).await;
            assert!(timer.is_over(&long.1));
        }
        assert_eq!(long.0.woken(), 1_000, "once for each of the short ones");
        {
            let groups = shared.groups();
            let waiting: usize = groups.list.iter().map(|group| group.waiting.len()).sum();
            assert_eq!((groups.list.len(), waiting), (2, 1));
        }
        advance(millis(59_000)).await;
        assert_eq!((long.0.woken(), short.0.woken()), (1_000, 1));
    });
}

#[test]
fn another_task_is_woken_in_place_of_the_first() {
    alone_and_beside_another(&async |shared, _| {
        let ((_, one), (count, other)) = (counter(), counter());
        let mut timer = Timer::new(shared);
        timer.set_to(Instant::now() + millis(10));
        assert!(!timer.is_over(&one));
        timer.forget_waker();
        assert!(!timer.is_over(&other));
        advance(millis(10)).await;
        assert_eq!(count.woken(), 1);
    });
}

#[test]
fn groups_are_used_again() {
    paused(async {
        let epoch = Instant::now();
        let shared = SharedTimers::new(epoch);
        let mut timers = [3, 5, 7].map(|period| (period, Timer::new(&shared)));
        for turn in 1..=1_000 {
            for (period, timer) in &mut timers {
                timer.set_to(epoch + millis(turn * *period));
                over(timer).await;
            }
        }
        let groups = shared.groups();
        assert_eq!(groups.list.len(), 1);
        assert_eq!(groups.free.len(), 1);
    });
}

#[test]
fn milliseconds_that_share_a_place_have_a_timer_each() {
    paused(async {
        let epoch = Instant::now();
        let shared = SharedTimers::new(epoch);
        let waiting: Vec<_> = (0..20).map(|_| counter()).collect();
        let mut timers: Vec<_> = waiting.iter().map(|_| Timer::new(&shared)).collect();
        let due = |index: usize| millis((1 + index % 10) as u64 * RECENT as u64);
        for (index, timer) in timers.iter_mut().enumerate() {
            timer.set_to(epoch + due(index));
            assert!(!timer.is_over(&waiting[index].1));
        }
        for turn in 0..10 {
            advance(millis(RECENT as u64)).await;
            let is_woken = |index: usize| waiting[index].0.woken() == 1;
            assert!((0..20).all(|index| is_woken(index) == (index % 10 <= turn)));
        }
    });
}

#[test]
fn closed_timers_keep_no_waker() {
    paused(async {
        let shared = SharedTimers::new(Instant::now());
        let (count, waker) = counter();
        let mut timers = [10, 20].map(|after| (after, Timer::new(&shared)));
        for (after, timer) in &mut timers {
            timer.set_to(Instant::now() + millis(*after));
            assert!(!timer.is_over(&waker));
        }
        assert_eq!(Arc::strong_count(&count), 4);
        shared.close();
        assert_eq!(Arc::strong_count(&count), 2, "the test's own two");
        let mut late = Timer::new(&shared);
        late.set_to(Instant::now() + millis(5));
        assert!(!late.is_over(&waker));
        advance(millis(50)).await;
        assert_eq!(count.woken(), 0);
    });
}

#[test]
fn timers_without_a_clock_keep_no_waker() {
    let runtime = Builder::new_current_thread().build().unwrap();
    let shared = runtime.block_on(async { SharedTimers::new(Instant::now()) });
    let (count, waker) = counter();
    runtime.block_on(async {
        for _ in 0..2 {
            let mut timer = Timer::new(&shared);
            timer.set_to(Instant::now() + millis(10));
            let asked = std::panic::AssertUnwindSafe(|| timer.is_over(&waker));
            assert!(std::panic::catch_unwind(asked).is_err(), "tokio says so");
        }
    });
    assert_eq!(Arc::strong_count(&count), 2);
}

/// Every meeting of two threads: joining, a timer that fires while it is set, a group that is used again
/// while its timer still fires.
#[test]
fn on_threads_no_loop_is_early_and_none_is_forgotten() {
    const LOOPS: u64 = 64;
    const TURNS: usize = 150;

    let runtime = Builder::new_multi_thread()
        .worker_threads(4)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let shared = SharedTimers::new(Instant::now());
        let loops: Vec<_> = (0..LOOPS)
            .map(|seed| tokio::spawn(wait_often(shared.clone(), Rng::with_seed(seed), TURNS)))
            .collect();
        for waiting in loops {
            let waited = timeout(Duration::from_mins(1), waiting).await;
            waited.expect("forgotten").unwrap();
        }
        let groups = shared.groups();
        assert!(
            groups
                .list
                .iter()
                .all(|group| group.waiting.is_empty() && group.woken.is_empty())
        );
    });
}

async fn wait_often(shared: Arc<SharedTimers>, mut rng: Rng, turns: usize) {
    let mut timer = Timer::new(&shared);
    for _ in 0..turns {
        let at = Instant::now() + Duration::from_micros(rng.u64(0..2_500));
        timer.set_to(at);
        over(&mut timer).await;
        assert!(Instant::now() >= at);
        if rng.bool() {
            yield_now().await;
        }
    }
}

#[test]
fn a_loop_that_is_no_longer_alone_goes_on_in_time_and_then_shares() {
    paused(async {
        let epoch = Instant::now();
        let shared = SharedTimers::new(epoch);
        let (first, second) = (counter(), counter());
        let mut timer = Timer::new(&shared);
        timer.set_to(epoch + millis(10));
        assert!(!timer.is_over(&first.1));
        assert_eq!(shared.groups().list.len(), 0, "nothing to share");
        let mut other = Timer::new(&shared);
        other.set_to(epoch + millis(10));
        assert!(!other.is_over(&second.1));
        advance(millis(10)).await;
        assert_eq!((first.0.woken(), second.0.woken()), (1, 1));
        for (timer, waker) in [(&mut timer, &first.1), (&mut other, &second.1)] {
            assert!(timer.is_over(waker));
            timer.set_to(epoch + millis(20));
            assert!(!timer.is_over(waker));
        }
        assert_eq!(shared.groups().list[0].waiting.len(), 2);
        drop(other);
        advance(millis(10)).await;
        assert!(timer.is_over(&first.1));
        timer.set_to(epoch + millis(30));
        assert!(!timer.is_over(&first.1));
        assert!(
            shared
                .groups()
                .list
                .iter()
                .all(|group| group.waiting.is_empty())
        );
        advance(millis(10)).await;
        assert!(timer.is_over(&first.1));
    });
}

#[test]
fn a_waker_that_panics_harms_no_timer_of_tokio() {
    struct Panics;
    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            panic!("a waker of the user's");
        }
    }
    alone_and_beside_another(&async |shared, _| {
        let mut timer = Timer::new(shared);
        timer.set_to(Instant::now() + millis(10));
        assert!(!timer.is_over(&Arc::new(Panics).into()));
        tokio::time::sleep(millis(20)).await;
    });
}
