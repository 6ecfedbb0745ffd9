//! A log that panics, as one does when its standard error is a closed pipe, and wakers that do: the library goes on without the one,
//! and wakes all the others.
//!
//! Of the first kind is every line the library writes, wherever the code is that writes it: the supervisor, a hook's own task, the
//! caller's thread; and the span of a service, which some logs turn into lines as it is made, entered, left and closed. Of the second
//! kind is whatever the library wakes: those who wait for the stop, for health, for a move, for a tick, at a stop channel.

use std::fs;
use std::future::{Future, pending};
use std::path::{Path, PathBuf};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{self, Wake};
use std::thread;

use lifecycle::{
    Context, Handle, Idle, Intake, Queue, Registry, Result, Running, State, Worker, registry,
    service, testing,
};
use lifecycle_tests::{
    Journal, degrades, fails, hangs, millis, nothing, recovers, secs, start, takes, until_stopped,
};
use tokio::runtime::Builder;
use tokio::task::yield_now;
use tokio::time::{sleep, timeout};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::set_default;
use tracing::{Event, Metadata, Subscriber};

/// Panics at each line of the library, and where it says so.
struct Closed(Option<At>);

/// What of a span is a line too.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    New,
    Enter,
    Exit,
    Close,
    Clone,
}

impl Closed {
    fn at(&self, here: At) {
        assert!(self.0 != Some(here), "{MESSAGE}");
    }
}

const MESSAGE: &str = "standard error is closed";

impl Subscriber for Closed {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        self.at(At::New);
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {
        panic!("{MESSAGE}");
    }

    fn enter(&self, _: &Id) {
        self.at(At::Enter);
    }

    fn exit(&self, _: &Id) {
        self.at(At::Exit);
    }

    fn clone_span(&self, id: &Id) -> Id {
        self.at(At::Clone);
        id.clone()
    }

    fn try_close(&self, _: Id) -> bool {
        self.at(At::Close);
        true
    }
}

/// Every way in which such a log may panic: all of them at once would hide one behind the other.
fn logs() -> [Closed; 6] {
    let spans = [At::New, At::Enter, At::Exit, At::Close, At::Clone];
    let [new, enter, exit, close, copied] = spans.map(|at| Closed(Some(at)));
    [Closed(None), new, enter, exit, close, copied]
}

fn services(journal: &Journal) -> Registry {
    registry! {
        "store" => journal.script().drain(takes(secs(1))).idle(),
        "api" => journal.script().run(takes(secs(1)).then(fails("no port"))).worker(), after = ["store"],
        "hung" => journal.script().run(hangs()).worker(), after = ["store"],
    }
}

#[tokio::test(start_paused = true)]
async fn a_log_that_panics_does_not_keep_anybody_from_draining() {
    for log in logs() {
        let _closed = set_default(log);
        let journal = Journal::new();
        let running = start(services(&journal));
        let waited = timeout(secs(5), running.wait()).await.unwrap();
        assert_eq!(waited.to_string(), "service `api` failed in run: no port");
        let outcome = running.stop().await;
        assert_eq!(journal.count("store: drain done"), 1);
        assert_eq!(outcome.laggards().len(), 1);
        assert_eq!(outcome.services()[0].state, State::Stopped, "{outcome}");
    }
}

#[test]
fn a_log_that_panics_as_it_is_asked_for_its_span_gives_none() {
    for at in [At::New, At::Clone] {
        let _closed = set_default(Closed(Some(at)));
        assert!(testing::context("api").span().is_none());
    }
}

/// Its first two attempts of everything fail.
#[service(
    queue(size = 2, interval = "1s", attempts = 3),
    startup(retry = "100ms..1s")
)]
struct Stubborn {
    intake: Intake<u8>,
    failures: Mutex<[u8; 2]>,
    context: Arc<Mutex<Option<Context>>>,
}

impl Stubborn {
    fn fails_twice(&self, part: usize) -> Result {
        let failures = &mut self.failures.lock().unwrap()[part];
        *failures += 1;
        if *failures <= 2 {
            return Err("not yet".into());
        }
        Ok(())
    }
}

impl Queue for Stubborn {
    type Item = u8;

    fn intake(&self) -> &Intake<u8> {
        &self.intake
    }

    async fn startup(&self, cx: &Context) -> Result {
        *self.context.lock().unwrap() = Some(cx.clone());
        self.fails_twice(0)
    }

    async fn flush(&self, _: &[u8], _: &Context) -> Result {
        self.fails_twice(1)
    }
}

#[tokio::test(start_paused = true)]
async fn no_line_of_a_log_that_panics_is_a_failure_of_the_service_it_is_about() {
    for log in logs() {
        let _closed = set_default(log);
        let journal = Journal::new();
        let intake = Intake::bounded(10);
        let context = Arc::default();
        let stubborn = Stubborn {
            intake: intake.clone(),
            failures: Mutex::default(),
            context: Arc::clone(&context),
        };
        let ticks = journal.script().tick(fails("disk full")).tick(nothing());
        let says = degrades("slow disk").then(recovers());
        let running = start(registry! {
            "gc" => ticks.scheduled(secs(1)),
            "queue" => stubborn,
            "says" => journal.script().run(says.then(until_stopped())).worker(),
        });
        for item in 0..5 {
            intake.send(item).await.unwrap();
        }
        sleep(secs(10)).await;
        running.await_healthy().await.unwrap();
        let outcome = running.stop().await;
        outcome.clone().into_result().unwrap();
        let [gc, queue, _] = outcome.services() else {
            panic!("{outcome}");
        };
        assert_eq!(gc.ticks.as_ref().unwrap().failures, 1);
        assert_eq!(queue.queue.unwrap().flushed, 5);
        // Down, and so a task more is only worth a line.
        let cx = context.lock().unwrap().take().unwrap();
        cx.spawn(async { Ok(()) });
    }
}

/// Every Rust file below.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(sources(&path));
        } else if path.extension().is_some_and(|end| end == "rs") {
            all.push(path);
        }
    }
    all
}

#[test]
fn no_line_of_the_library_goes_around_its_guard() {
    let library = Path::new(env!("CARGO_MANIFEST_DIR")).join("../lifecycle/src");
    let macros = [
        "trace!", "debug!", "info!", "warn!", "error!", "event!", "span!",
    ];
    let mut guards = 0;
    for path in sources(&library) {
        let text = fs::read_to_string(&path).unwrap();
        let name = path.strip_prefix(&library).unwrap();
        for line in text.lines().map(str::trim) {
            let is_comment = line.starts_with("//");
            if is_comment || !macros.iter().any(|word| line.contains(word)) {
                continue;
            }
            assert!(
                name == Path::new("shared/scope.rs") && line.contains("info_span!"),
                "{}: {line}",
                name.display()
            );
            guards += 1;
        }
    }
    assert_eq!(guards, 1, "the one that makes the span");
}

/// Panics when it is woken.
struct Alarmed;

impl Wake for Alarmed {
    fn wake(self: Arc<Self>) {
        panic!("not now");
    }
}

/// Polls it once, with a waker that panics.
fn alarm<F: Future + ?Sized>(mut waiting: Pin<&mut F>) {
    let waker = Arc::new(Alarmed).into();
    let mut task = task::Context::from_waker(&waker);
    assert!(waiting.as_mut().poll(&mut task).is_pending());
}

/// Waits for everything there is to wait for, twice: one such waker must not meet another one's panic.
async fn wait_for_all(handle: Handle) {
    let mut all: Vec<Pin<Box<dyn Future<Output = ()> + Send>>> = Vec::new();
    for _ in 0..2 {
        let (reason, healthy) = (handle.clone(), handle.clone());
        let (tick, mut moves) = (handle.clone(), handle.subscribe());
        all.push(Box::pin(async move { drop(reason.wait().await) }));
        all.push(Box::pin(async move { drop(healthy.await_healthy().await) }));
        all.push(Box::pin(async move { drop(tick.trigger("gc").await) }));
        all.push(Box::pin(
            async move { while moves.recv().await.is_some() {} },
        ));
    }
    for waiting in &mut all {
        alarm(waiting.as_mut());
    }
    pending::<()>().await;
}

#[tokio::test(start_paused = true)]
async fn a_waker_that_panics_harms_nobody_else_who_waits() {
    let journal = Journal::new();
    let ticks = journal.script().tick(takes(secs(1)));
    let running = start(registry! {
        "store" => journal.script().startup(takes(secs(1))).idle(),
        "gc" => ticks.scheduled(secs(60)), after = ["store"],
    });
    let handle = running.handle();
    let healthy = tokio::spawn({
        let handle = handle.clone();
        async move { handle.await_healthy().await }
    });
    let reason = tokio::spawn({
        let handle = handle.clone();
        async move { handle.wait().await }
    });
    let alarmed = tokio::spawn(wait_for_all(handle.clone()));
    yield_now().await;
    timeout(secs(5), healthy).await.unwrap().unwrap().unwrap();
    timeout(secs(5), handle.trigger("gc"))
        .await
        .unwrap()
        .unwrap();
    handle.shutdown();
    timeout(secs(5), reason).await.unwrap().unwrap();
    let mut stop = pin!(running.stop());
    let outcome = timeout(secs(60), &mut stop).await.unwrap();
    outcome.into_result().unwrap();
    assert_eq!(journal.count("store: drain done"), 1);
    alarmed.abort();
}

/// Lets others wait at its stop channel.
#[service(worker)]
struct Shares(Arc<Mutex<Option<Context>>>);

impl Worker for Shares {
    async fn run(&self, cx: &Context) -> Result {
        *self.0.lock().unwrap() = Some(cx.clone());
        cx.stop_channel().closed().await;
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_waker_that_panics_at_a_stop_channel_does_not_keep_it_from_others() {
    let shared = Arc::default();
    let journal = Journal::new();
    let running = start(registry! {
        "store" => journal.script().idle(),
        "shares" => Shares(Arc::clone(&shared)), after = ["store"],
    });
    running.await_healthy().await.unwrap();
    let cx = shared.lock().unwrap().clone().unwrap();
    let stop = cx.stop_channel();
    let mut before = pin!(stop.closed());
    alarm(before.as_mut());
    let others: Vec<_> = (0..40)
        .map(|_| {
            let cx = cx.clone();
            tokio::spawn(async move {
                cx.stop_channel().closed().await;
                cx.exited().await;
            })
        })
        .collect();
    yield_now().await;
    let exited = pin!(cx.exited());
    alarm(exited);
    let mut after = pin!(stop.closed());
    alarm(after.as_mut());
    running.stop().await.into_result().unwrap();
    for other in others {
        timeout(secs(1), other).await.unwrap().unwrap();
    }
    assert_eq!(journal.count("store: drain done"), 1);
}

#[test]
fn a_waker_that_panics_does_not_abort_the_end_of_the_runtime() {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let journal = Journal::new();
    let running: Running = runtime.block_on(async {
        let running = start(registry! {
            "gc" => journal.script().scheduled(secs(60)),
            "slow" => journal.script().startup(hangs()).idle(),
        });
        timeout(millis(1), pending::<()>()).await.unwrap_err();
        running
    });
    let handle = running.handle();
    let mut waiting = Box::pin(wait_for_all(handle.clone()));
    let mut task = task::Context::from_waker(task::Waker::noop());
    assert!(waiting.as_mut().poll(&mut task).is_pending());
    let reason = thread::spawn({
        let handle = handle.clone();
        move || {
            let own = Builder::new_current_thread().enable_all().build().unwrap();
            own.block_on(handle.wait()).to_string()
        }
    });
    drop(runtime);
    assert_eq!(reason.join().unwrap(), "the registry was dropped");
}

#[service(idle)]
struct Plain;

impl Idle for Plain {}

#[test]
fn a_registry_that_is_dropped_wakes_who_waits_though_one_waker_panics() {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let running = start(registry! { "plain" => Plain });
        let handle = running.handle();
        let waiting = handle.wait();
        let mut waiting = pin!(waiting);
        alarm(waiting.as_mut());
        let other = tokio::spawn({
            let handle = handle.clone();
            async move { handle.wait().await }
        });
        yield_now().await;
        drop(running);
        other.await.unwrap();
    });
}
