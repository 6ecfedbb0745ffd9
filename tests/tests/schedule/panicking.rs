//! What a tick that panics means.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use lifecycle::{Context, Fault, Handle, Result, Scheduled, State, TickStatus, registry, service};
use lifecycle_tests::schedule::{AtMost, Calm, Coalesce, Default, Delay, Interval};
use lifecycle_tests::{Knobs, fails, millis, nothing, panics, paused, start, state_of, takes};

type Plain = (Interval, Coalesce, Default);

fn facts(handle: &Handle) -> TickStatus {
    handle.states()[0].ticks.clone().unwrap()
}

#[test]
fn a_panic_is_the_failure_of_the_service_unless_the_schedule_says_otherwise() {
    paused(async {
        let trace = Knobs::every(100).does([panics("as scripted")]).trace();
        let running = start(trace.alone::<Plain>());
        running.wait().await;
        let outcome = running.stop().await;
        let fault = outcome.failures()[0].fault();
        assert!(matches!(fault, Fault::Panic(message) if message == "as scripted"));
        assert_eq!(trace.starts(), [100]);
    });
}

#[test]
fn under_continue_a_panic_counts_like_an_error_and_the_loop_goes_on() {
    paused(async {
        let does = [
            takes(millis(10)).then(panics("as scripted")),
            fails("no rows"),
            nothing(),
        ];
        let trace = Knobs::every(100).does(does).trace();
        let running = start(trace.alone::<Calm<Plain>>());
        let handle = running.handle();
        trace.reach(150).await;
        let first = facts(&handle);
        assert_eq!((first.count, first.failures), (1, 1));
        assert_eq!(first.last_duration, Some(millis(10)));
        let told = "`tick` panicked: as scripted";
        assert_eq!(first.last_error.as_deref(), Some(told));
        assert_eq!(handle.states()[0].degraded.as_deref(), Some(told));
        assert!(handle.is_healthy() && !first.in_flight());
        trace.reach(250).await;
        assert_eq!(facts(&handle).consecutive_failures, 2);
        trace.reach(350).await;
        assert_eq!(facts(&handle).consecutive_failures, 0);
        assert_eq!(handle.states()[0].degraded, None);
        assert_eq!(trace.starts(), [100, 200, 300]);
        running.stop().await.into_result().unwrap();
        assert_eq!(trace.drains().len(), 1);
    });
}

#[test]
fn under_continue_a_schedule_by_delay_counts_from_the_panic() {
    paused(async {
        let does = [takes(millis(10)).then(panics("as scripted"))];
        let trace = Knobs::every(100).does(does).trace();
        let running = start(trace.alone::<Calm<(Delay, Coalesce, Default)>>());
        trace.reach_ticks(3).await;
        drop(running);
        assert_eq!(trace.starts(), [100, 210, 320]);
    });
}

#[test]
fn so_many_failures_in_a_row_may_be_panics() {
    paused(async {
        let does = [
            panics("first"),
            nothing(),
            fails("no rows"),
            panics("second"),
        ];
        let trace = Knobs::every(100).does(does).trace();
        let running = start(trace.alone::<AtMost<2, Calm<Plain>>>());
        running.wait().await;
        let outcome = running.stop().await;
        assert_eq!(trace.starts(), [100, 200, 300, 400]);
        assert_eq!(
            outcome.failures()[0].to_string(),
            "service `probe` failed in tick: `tick` panicked: second"
        );
        assert_eq!(outcome.services()[0].state, State::Failed);
    });
}

#[test]
fn under_continue_a_tick_on_demand_that_panics_is_told_to_the_caller() {
    paused(async {
        let does = [panics("as scripted")];
        let trace = Knobs::every(100_000).does(does).trace();
        let running = start(trace.alone::<Calm<Plain>>());
        running.await_healthy().await.unwrap();
        let handle = running.handle();
        let error = handle.trigger("probe").await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "the tick failed: `tick` panicked: as scripted"
        );
        assert_eq!(state_of(&handle, "probe"), State::Running);
    });
}

/// Its ticks hang, and panic when they are dropped; or panic before they have a future.
#[service(scheduled(interval = "100ms", tick_timeout = "50ms", on_panic = continue))]
struct Hostile {
    ticks: Arc<AtomicU32>,
    hangs: bool,
}

struct PanicsOnDrop;

impl Drop for PanicsOnDrop {
    fn drop(&mut self) {
        panic!("as it was dropped");
    }
}

impl Scheduled for Hostile {
    #[allow(clippy::manual_async_fn, reason = "it panics before it has a future")]
    fn tick(&self, _: &Context) -> impl Future<Output = Result> + Send {
        self.ticks.fetch_add(1, Ordering::Relaxed);
        assert!(self.hangs, "as it was called");
        async {
            let _panics = PanicsOnDrop;
            std::future::pending().await
        }
    }
}

#[test]
fn under_continue_no_panic_around_the_tick_is_missed() {
    for (hangs, told) in [
        (true, "`tick` panicked: as it was dropped"),
        (false, "`tick` panicked: as it was called"),
    ] {
        paused(async {
            let ticks = Arc::new(AtomicU32::new(0));
            let service = Hostile {
                ticks: ticks.clone(),
                hangs,
            };
            let running = start(registry! { "hostile" => service });
            let handle = running.handle();
            tokio::time::sleep(millis(360)).await;
            assert_eq!(ticks.load(Ordering::Relaxed), 3);
            assert_eq!(facts(&handle).last_error.as_deref(), Some(told));
            running.stop().await.into_result().unwrap();
        });
    }
}
