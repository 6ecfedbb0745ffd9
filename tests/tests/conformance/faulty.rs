//! Services with one fault each.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use lifecycle::testing::{Case, Conformance, conformance};
use lifecycle::{
    Cause, Context, Idle, Oneshot, Reason, Result, Scheduled, Service, Worker, async_trait, service,
};
use tokio::sync::mpsc;
use tokio::time::sleep;

use crate::fails;

const SECOND: Duration = Duration::from_secs(1);

/// Does not look at its stop channel.
#[service(worker)]
struct Deaf;

impl Worker for Deaf {
    async fn run(&self, _: &Context) -> Result {
        loop {
            sleep(SECOND).await;
        }
    }
}

#[test]
fn one_that_ignores_the_stop_is_told_where_it_was() {
    let late = |asked| {
        format!(
            "{asked}, it was still in `run` when its time was over (7.5s): wait for `cx.stop_channel()` beside all that it does, in a `select!`"
        )
    };
    fails(
        Case::RunsUntilStopped,
        || Deaf,
        &late("asked to stop while it was idle"),
    );
    fails(Case::StopsAtWork, || Deaf, &late("asked to stop in `run`"));
    fails(
        Case::RunsAgain,
        || Deaf,
        &late("asked to stop while it was idle"),
    );
}

/// Its tick takes longer than there is time, at its second `await` only.
#[service(scheduled(interval = "1h"))]
struct SlowTick;

impl Scheduled for SlowTick {
    async fn tick(&self, _: &Context) -> Result {
        tokio::task::yield_now().await;
        sleep(60 * SECOND).await;
        Ok(())
    }
}

#[test]
fn one_that_is_late_in_a_tick_only_is_caught_at_work() {
    let of = Conformance::of(|| async { SlowTick });
    let error = of.check(Case::StopsAtWork).unwrap_err().to_string();
    assert!(
        error.starts_with("stops_at_work: asked to stop in `tick`, it was still in `tick`"),
        "{error}"
    );
    of.stop_timeout(100 * SECOND)
        .check(Case::StopsAtWork)
        .unwrap();
}

/// A startup that can't be dropped without a failure of its destructor.
#[service(idle)]
struct TouchyStartup;

struct Touchy(bool);

impl Drop for Touchy {
    fn drop(&mut self) {
        assert!(self.0, "half done");
    }
}

impl Idle for TouchyStartup {
    async fn startup(&self, _: &Context) -> Result {
        let mut touchy = Touchy(false);
        sleep(SECOND).await;
        touchy.0 = true;
        Ok(())
    }
}

#[test]
fn one_whose_startup_must_not_be_dropped_is_caught_there() {
    fails(
        Case::StopsDuringStartup,
        || TouchyStartup,
        "asked to stop in `startup`, it failed (service `service` panicked in startup: half done): a stop is no failure, whatever it interrupts",
    );
}

/// Waits in its drain for ever when it is asked to stop meanwhile.
#[service(idle)]
struct StuckDrain;

impl Idle for StuckDrain {
    async fn drain(&self, cx: &Context) -> Result {
        sleep(SECOND).await;
        if cx.handle().reason().is_some() && cx.cause().is_some() {
            sleep(SECOND).await;
        }
        match cx.handle().reason() {
            Some(_) => Err("there is nobody to flush to".into()),
            None => Ok(()),
        }
    }
}

#[test]
fn one_that_fails_if_it_is_stopped_in_a_drain_is_caught_there() {
    let of = Conformance::of(|| async { StuckDrain });
    let error = of.check(Case::StopsDuringDrain).unwrap_err().to_string();
    assert!(
        error.starts_with("stops_during_drain: asked to stop in `drain`, it failed (service `service` failed in drain: there is nobody"),
        "{error}"
    );
}

/// A decorator that stops twice what it holds.
struct Twice(Buffered);

#[service(idle)]
struct Buffered;

impl Idle for Buffered {
    async fn drain(&self, _: &Context) -> Result {
        Ok(())
    }
}

#[async_trait]
impl Service for Twice {
    async fn start(&self, cx: &Context) -> Result {
        self.0.start(cx).await
    }

    async fn stop(&self, cx: &Context) -> Result {
        self.0.stop(cx).await?;
        self.0.stop(cx).await
    }
}

const DRAINED_TWICE: &str = "its drain ran 2 times in one run, and is to run once: `stop` is called once, and calls that of what it holds once";

#[test]
fn a_decorator_that_drains_twice_is_caught() {
    fails(Case::DrainsOnce, || Twice(Buffered), DRAINED_TWICE);
}

/// Flushes at the end of its `start`, and in its `stop` again.
#[derive(Default)]
struct Flushes {
    count: AtomicU64,
    only_in_stop: bool,
    never: bool,
}

impl Flushes {
    fn flush(&self) {
        if !self.never {
            self.count.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[async_trait]
impl Service for Flushes {
    async fn start(&self, cx: &Context) -> Result {
        cx.ready();
        cx.stop_channel().await;
        if !self.only_in_stop {
            self.flush();
        }
        Ok(())
    }

    async fn stop(&self, cx: &Context) -> Result {
        cx.exited().await;
        self.flush();
        Ok(())
    }
}

fn flushes(only_in_stop: bool, never: bool) -> Conformance<Flushes> {
    let make = move || async move {
        Flushes {
            only_in_stop,
            never,
            ..Flushes::default()
        }
    };
    Conformance::of(make).drains(|flushes| flushes.count.load(Ordering::Relaxed))
}

#[test]
fn a_hand_written_one_that_says_how_often_it_drains_is_counted() {
    let of = |case: Conformance<Flushes>| case.check(Case::DrainsOnce);
    let error = of(flushes(false, false)).unwrap_err();
    assert_eq!(error.to_string(), format!("drains_once: {DRAINED_TWICE}"));
    let error = of(flushes(false, true)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "drains_once: its drain did not run, though it was up: flush in `stop`, once `cx.exited()` has resolved"
    );
    of(flushes(true, false)).unwrap();
}

/// Starts a task that nobody ends.
#[service(idle)]
struct Leaks;

impl Idle for Leaks {
    async fn startup(&self, _: &Context) -> Result {
        drop(tokio::spawn(std::future::pending::<()>()));
        Ok(())
    }
}

/// Its task is gone, but for a stop in a tick.
#[service(scheduled(interval = "1s"))]
struct LeaksInTick;

impl Scheduled for LeaksInTick {
    async fn tick(&self, cx: &Context) -> Result {
        let stop = cx.stop_channel();
        sleep(SECOND).await;
        if stop.is_closed() {
            drop(tokio::spawn(std::future::pending::<()>()));
        }
        Ok(())
    }
}

#[test]
fn one_that_leaves_a_task_is_caught_wherever_it_is_stopped() {
    let left = "1 of its tasks were left when it was down: start them with `cx.spawn(..)` or `cx.spawn_isolated(..)`, which end with the service";
    fails(Case::LeavesNoTask, || Leaks, left);
    fails(Case::LeavesNoTask, || LeaksInTick, left);
}

/// Takes out what it needs for its run.
#[service(worker)]
struct Consumer(Mutex<Option<mpsc::Receiver<()>>>);

impl Consumer {
    fn new() -> Self {
        Self(Mutex::new(Some(mpsc::channel(1).1)))
    }
}

impl Worker for Consumer {
    async fn run(&self, cx: &Context) -> Result {
        let receiver = self.0.lock().unwrap().take();
        let _receiver = receiver.ok_or("the receiver was taken")?;
        cx.stop_channel().await;
        Ok(())
    }
}

#[test]
fn one_that_cannot_run_twice_is_caught() {
    let of = Conformance::of(|| async { Consumer::new() });
    let error = of.check(Case::RunsAgain).unwrap_err().to_string();
    assert!(
        error.starts_with("runs_again: its second run failed (service `service` failed in run: the receiver was taken): a restart uses the same value again"),
        "{error}"
    );
    // One value for all lives.
    let error = conformance(Consumer::new()).unwrap_err();
    assert_eq!(error.case(), Case::StopsDuringStartup);
}

/// Blocks its thread in its startup.
#[service(idle)]
struct Blocks;

impl Idle for Blocks {
    async fn startup(&self, _: &Context) -> Result {
        loop {
            std::thread::park();
        }
    }
}

#[test]
fn one_that_blocks_its_thread_is_caught_in_real_time() {
    fails(
        Case::StopsDuringStartup,
        || Blocks,
        "it blocks its thread, and what holds a thread can't be stopped: wait with `.await`, and leave what blocks to `tokio::task::spawn_blocking`",
    );
}

/// Its startup never returns.
#[service(idle)]
struct NeverUp;

impl Idle for NeverUp {
    async fn startup(&self, _: &Context) -> Result {
        std::future::pending().await
    }
}

#[test]
fn one_that_is_never_up_is_caught() {
    fails(
        Case::RunsUntilStopped,
        || NeverUp,
        "it is never up: let `startup` or `bind` return, or call `cx.ready()` in a hand-written `start`",
    );
}

/// Is done after a second.
#[service(worker)]
struct Brief;

impl Worker for Brief {
    async fn run(&self, _: &Context) -> Result {
        sleep(SECOND).await;
        Ok(())
    }
}

#[test]
fn one_that_ends_by_itself_is_caught() {
    let of = Conformance::of(|| async { Brief });
    let error = of.check(Case::RunsUntilStopped).unwrap_err().to_string();
    assert!(
        error.starts_with(
            "runs_until_stopped: it ended before it was asked to stop (service `service` "
        ),
        "{error}"
    );
}

/// Can't start: what it needs is not there.
#[service(oneshot)]
struct NoDatabase;

impl Oneshot for NoDatabase {
    async fn run(&self, _: &Context) -> Result {
        Err("connection refused".into())
    }
}

#[test]
fn one_that_cannot_start_is_told_so_in_every_case() {
    for case in Case::ALL {
        let of = Conformance::of(|| async { NoDatabase });
        match of.check(case) {
            Err(error) => assert!(error.to_string().contains("connection refused"), "{error}"),
            // Where the first life has no start.
            Ok(()) => panic!("{case}"),
        }
    }
}

/// Panics when it is dropped without having run.
#[service(idle)]
#[derive(Default)]
struct Ungrateful {
    ran: std::sync::atomic::AtomicBool,
}

impl Idle for Ungrateful {
    async fn startup(&self, _: &Context) -> Result {
        self.ran.store(true, Ordering::Relaxed);
        Ok(())
    }
}

impl Drop for Ungrateful {
    fn drop(&mut self) {
        assert!(self.ran.load(Ordering::Relaxed), "never used");
    }
}

#[test]
fn one_that_does_not_bear_that_it_never_starts_is_caught() {
    fails(
        Case::SurvivesFailures,
        Ungrateful::default,
        "its destructor panicked (never used): what never started is dropped too, so make `drop` bear every state",
    );
}

/// Fails with an error of its own when it is stopped because of another's failure.
#[service(idle)]
struct Loyal;

impl Idle for Loyal {
    async fn drain(&self, cx: &Context) -> Result {
        match cx.cause() {
            Some(Cause::Shutdown(Reason::Failure(_))) => Err("the other one is gone".into()),
            _ => Ok(()),
        }
    }
}

#[test]
fn one_that_fails_because_another_fails_is_caught() {
    let of = Conformance::of(|| async { Loyal });
    let error = of.check(Case::SurvivesFailures).unwrap_err().to_string();
    assert!(error.contains("the other one is gone"), "{error}");
}
