//! New values for services that go on: rule 35.
//!
//! The kind of fault this is about: a changed configuration takes a restart, or each service watches the file by itself and one
//! that can't read it falls silently behind.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use lifecycle::{
    Context, EventKind, Group, Handle, Idle, Intake, Oneshot, Phase, Queue, Registry, ReloadError,
    Result, Scheduled, Server, Service, State, Worker, async_trait, registry, service,
};
use lifecycle_tests::{Log, Plain, hush, millis, secs, start, state_of, threads};
use tokio::time::{Instant, sleep, timeout};

/// What the hooks note, in one order.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<String>>>);

impl Notes {
    fn add(&self, note: impl Into<String>) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(note.into());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A hook that takes a second.
    async fn reload(&self, cx: &Context) -> Result {
        self.add(format!("{} begins", cx.name()));
        sleep(secs(1)).await;
        self.add(format!("{} ends", cx.name()));
        Ok(())
    }
}

async fn until_stopped(cx: &Context) -> Result {
    cx.stop_channel().await;
    Ok(())
}

#[service(idle)]
struct Store(Notes);

impl Idle for Store {
    async fn reload(&self, cx: &Context) -> Result {
        self.0.reload(cx).await
    }
}

#[service(scheduled(interval = "1h"))]
struct Gc(Notes);

impl Scheduled for Gc {
    async fn tick(&self, _: &Context) -> Result {
        Ok(())
    }

    async fn reload(&self, cx: &Context) -> Result {
        self.0.reload(cx).await
    }
}

#[service(queue(size = 3, interval = "1h"))]
struct Audit(Notes, Intake<u8>);

impl Queue for Audit {
    type Item = u8;

    fn intake(&self) -> &Intake<u8> {
        &self.1
    }

    async fn flush(&self, _: &[u8], _: &Context) -> Result {
        Ok(())
    }

    async fn reload(&self, cx: &Context) -> Result {
        self.0.reload(cx).await
    }
}

#[service(worker)]
struct Feed(Notes);

impl Worker for Feed {
    async fn run(&self, cx: &Context) -> Result {
        until_stopped(cx).await
    }

    async fn reload(&self, cx: &Context) -> Result {
        self.0.reload(cx).await
    }
}

#[service(server)]
struct Api(Notes);

impl Server for Api {
    type Bound = ();

    async fn bind(&self, _: &Context) -> Result {
        Ok(())
    }

    async fn serve(&self, (): (), cx: &Context) -> Result {
        until_stopped(cx).await
    }

    async fn reload(&self, cx: &Context) -> Result {
        self.0.reload(cx).await
    }
}

#[service(oneshot)]
struct Migrate(Notes);

impl Oneshot for Migrate {
    async fn run(&self, _: &Context) -> Result {
        Ok(())
    }

    async fn reload(&self, cx: &Context) -> Result {
        self.0.reload(cx).await
    }
}

struct Custom(Notes);

#[async_trait]
impl Service for Custom {
    async fn start(&self, cx: &Context) -> Result {
        cx.ready();
        until_stopped(cx).await
    }

    async fn stop(&self, cx: &Context) -> Result {
        cx.exited().await;
        Ok(())
    }

    async fn reload(&self, cx: &Context) -> Result {
        self.0.reload(cx).await
    }
}

/// Polls `start` in a task of its own.
struct Elsewhere<S>(Arc<S>);

#[async_trait]
impl<S: Service> Service for Elsewhere<S> {
    async fn start(&self, cx: &Context) -> Result {
        let (inner, cx) = (self.0.clone(), cx.clone());
        tokio::spawn(async move { inner.start(&cx).await }).await?
    }

    async fn stop(&self, cx: &Context) -> Result {
        self.0.stop(cx).await
    }
}

trait Provider: Service {}

impl Provider for Feed {}

fn each(names: &[&str]) -> Vec<String> {
    let of = |name: &&str| [format!("{name} begins"), format!("{name} ends")];
    names.iter().flat_map(of).collect()
}

#[tokio::test(start_paused = true)]
async fn the_hook_of_each_shape_is_called_in_start_order_one_after_the_other() {
    let _log = Log::open();
    let notes = Notes::default();
    let n = || notes.clone();
    let dynamic: Arc<dyn Provider> = Arc::new(Feed(n()));
    let registry = registry! {
        "api" => Api(n()), after = ["gc", "audit"],
        "gc" => Gc(n()), after = ["feed"],
        "audit" => Audit(n(), Intake::bounded(3)), after = ["store"],
        "feed" => dynamic, after = ["custom"],
        "store" => Arc::new(Store(n())),
        "custom" => Arc::new(Custom(n())), after = ["store"],
    };
    let running = start(registry);
    running.await_healthy().await.unwrap();
    let handle = running.handle();
    for _ in 0..3 {
        let began = Instant::now();
        handle.reload().await.unwrap();
        assert_eq!(began.elapsed(), secs(6));
        let expected = each(&["store", "audit", "custom", "feed", "gc", "api"]);
        assert_eq!(notes.take(), expected);
    }
    running.stop().await.into_result().unwrap();
    assert_eq!(notes.take(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn it_is_reached_behind_decorators_once() {
    let _log = Log::open();
    let notes = Notes::default();
    let n = || notes.clone();
    let registry = registry! {
        "store" => Plain(Plain(Store(n()))),
        "feed" => Elsewhere(Arc::new(Feed(n()))), after = ["store"],
        "gc" => Elsewhere(Arc::new(Plain(Gc(n())))), after = ["feed"],
        "boxed" => Plain(Arc::new(Api(n()))), after = ["gc"],
        "part" => Plain(registry! { "inner" => Custom(n()) }), after = ["boxed"],
    };
    let running = start(registry);
    running.await_healthy().await.unwrap();
    for _ in 0..3 {
        running.handle().reload().await.unwrap();
        assert_eq!(
            notes.take(),
            each(&["store", "feed", "gc", "boxed", "part/inner"])
        );
    }
    running.stop().await.into_result().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_oneshot_that_has_succeeded_and_services_without_the_hook_have_nothing_to_reload() {
    #[service(idle)]
    struct Resting;

    impl Idle for Resting {}

    struct Plain;

    #[async_trait]
    impl Service for Plain {
        async fn start(&self, cx: &Context) -> Result {
            cx.ready();
            until_stopped(cx).await
        }

        async fn stop(&self, cx: &Context) -> Result {
            cx.exited().await;
            Ok(())
        }
    }

    let _log = Log::open();
    let notes = Notes::default();
    let registry = registry! {
        "migrate" => Migrate(notes.clone()),
        "resting" => Resting,
        "plain" => Plain,
    };
    let running = start(registry);
    running.await_healthy().await.unwrap();
    let began = Instant::now();
    running.handle().reload().await.unwrap();
    assert_eq!(began.elapsed(), secs(0));
    assert_eq!(notes.take(), [""; 0]);
    running.stop().await.into_result().unwrap();
}

/// Fails while it is told to.
#[service(worker)]
struct Flaky(Arc<Mutex<Option<&'static str>>>);

impl Worker for Flaky {
    async fn run(&self, cx: &Context) -> Result {
        until_stopped(cx).await
    }

    async fn reload(&self, _: &Context) -> Result {
        let what = *self.0.lock().unwrap();
        what.map_or(Ok(()), |what| Err(what.into()))
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_is_returned_by_name_logged_and_shown_until_a_later_one_succeeds() {
    let log = Log::open();
    let notes = Notes::default();
    let fails = Arc::new(Mutex::new(Some("no such file")));
    let also = Arc::new(Mutex::new(Some("bad port")));
    let registry = registry! {
        "flaky" => Flaky(fails.clone()),
        "custom" => Custom(notes.clone()), after = ["flaky"],
        "also" => Flaky(also.clone()), after = ["custom"],
    };
    let mut events = registry.handle().events();
    let running = start(registry);
    running.await_healthy().await.unwrap();
    let handle = running.handle();
    let degraded = |name: &str| handle.status(name).unwrap().degraded;

    let error = handle.reload().await.unwrap_err();
    let text =
        "service `flaky` failed in reload: no such file; service `also` failed in reload: bad port";
    assert_eq!(error.to_string(), text);
    let ReloadError::Services(errors) = &error else {
        panic!("{error}");
    };
    assert_eq!(errors[0].service(), "flaky");
    assert_eq!(errors[0].phase(), Phase::Reload);
    assert_eq!(notes.take(), each(&["custom"]));
    assert_eq!(degraded("flaky").unwrap(), errors[0].to_string().into());
    assert!(degraded("custom").is_none());
    let _ = log.place(&["ERROR", "reload failed", "service=flaky", "no such file"]);
    let _ = log.place(&["INFO", "reloaded", "failures=2"]);
    assert!(handle.is_healthy());

    *fails.lock().unwrap() = None;
    let error = handle.reload().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "service `also` failed in reload: bad port"
    );
    assert!(degraded("flaky").is_none());
    let _ = log.place(&["INFO", "recovered", "service=flaky"]);
    *also.lock().unwrap() = None;
    handle.reload().await.unwrap();
    assert!(degraded("also").is_none());
    let outcome = running.stop().await;
    assert!(outcome.failures().is_empty());
    outcome.into_result().unwrap();

    let mut told = Vec::new();
    while let Some(event) = events.recv().await {
        match event.kind {
            EventKind::ReloadFailed(_) => told.push(event.to_string()),
            EventKind::Reloaded { failures, took, .. } => {
                told.push(format!("{failures} in {took:?}"));
            }
            _ => {}
        }
    }
    let flaky = "service `flaky` failed in reload: no such file";
    let also = "service `also` failed in reload: bad port";
    assert_eq!(told, [flaky, also, "2 in 1s", also, "1 in 1s", "0 in 1s"]);
}

/// Never returns, and tells of its end.
#[service(worker)]
struct Hanging(Notes);

struct OnDrop(Notes, &'static str);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.add(self.1);
    }
}

impl Worker for Hanging {
    async fn run(&self, cx: &Context) -> Result {
        until_stopped(cx).await
    }

    async fn reload(&self, _: &Context) -> Result {
        let _end = OnDrop(self.0.clone(), "dropped");
        std::future::pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn each_has_its_start_timeout_and_is_dropped_then() {
    let _log = Log::open();
    let notes = Notes::default();
    let registry = registry! {
        "hanging" => Hanging(notes.clone()), start_timeout = "3s",
        "custom" => Custom(notes.clone()), after = ["hanging"],
    };
    let running = start(registry);
    running.await_healthy().await.unwrap();
    let handle = running.handle();
    for _ in 0..2 {
        let began = Instant::now();
        let error = handle.reload().await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "service `hanging` did not reload within 3s (`start_timeout`): dropped"
        );
        assert_eq!(began.elapsed(), secs(4));
        assert_eq!(notes.take(), ["dropped", "custom begins", "custom ends"]);
        assert_eq!(state_of(&handle, "hanging"), State::Running);
    }
    running.stop().await.into_result().unwrap();
}

#[service(scheduled(interval = *self.pace.lock().unwrap()))]
struct Every {
    pace: Arc<Mutex<Duration>>,
    next: Duration,
    notes: Notes,
    began: Instant,
}

impl Scheduled for Every {
    async fn tick(&self, _: &Context) -> Result {
        self.notes
            .add(format!("tick at {:?}", self.began.elapsed()));
        Ok(())
    }

    async fn reload(&self, _: &Context) -> Result {
        *self.pace.lock().unwrap() = self.next;
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn then_every_schedule_reads_its_values_again_at_once() {
    let _log = Log::open();
    let notes = Notes::default();
    let every = |next| Every {
        pace: Arc::new(Mutex::new(secs(3_600))),
        next,
        notes: notes.clone(),
        began: Instant::now(),
    };
    let (gc, bad) = (every(secs(10)), every(secs(0)));
    let running = start(registry! { "gc" => gc, "bad" => bad });
    running.await_healthy().await.unwrap();
    let handle = running.handle();
    sleep(secs(5)).await;
    handle.reload().await.unwrap();
    sleep(millis(1)).await;
    let due = handle
        .status("gc")
        .unwrap()
        .ticks
        .unwrap()
        .next_due
        .unwrap();
    assert_eq!(due - Instant::now(), millis(9_999));
    let why = handle.status("bad").unwrap().degraded.unwrap();
    assert!(why.contains("is zero"), "{why}");
    sleep(secs(25)).await;
    assert_eq!(notes.take(), ["tick at 15s", "tick at 25s"]);
    running.stop().await.into_result().unwrap();
}

#[tokio::test(start_paused = true)]
async fn reloads_that_come_together_run_one_after_the_other() {
    let _log = Log::open();
    let notes = Notes::default();
    let running = start(registry! { "a" => Feed(notes.clone()), "b" => Custom(notes.clone()) });
    running.await_healthy().await.unwrap();
    let handle = running.handle();
    let began = Instant::now();
    let (first, second) = tokio::join!(handle.reload(), handle.reload());
    first.and(second).unwrap();
    assert_eq!(began.elapsed(), secs(4));
    assert_eq!(notes.take(), each(&["a", "b", "a", "b"]));
    running.stop().await.into_result().unwrap();
}

#[tokio::test(start_paused = true)]
async fn one_that_was_asked_for_goes_on_without_the_call() {
    let _log = Log::open();
    let notes = Notes::default();
    let running = start(registry! { "a" => Feed(notes.clone()), "b" => Custom(notes.clone()) });
    running.await_healthy().await.unwrap();
    let handle = running.handle();
    assert!(timeout(millis(100), handle.reload()).await.is_err());
    sleep(secs(5)).await;
    assert_eq!(notes.take(), each(&["a", "b"]));
    running.stop().await.into_result().unwrap();
}

#[tokio::test(start_paused = true)]
async fn before_the_start_and_while_stopping_there_is_nothing_to_reload() {
    let _log = Log::open();
    let notes = Notes::default();
    let registry = registry! { "hanging" => Hanging(notes.clone()), "b" => Feed(notes.clone()) };
    let handle = registry.handle();
    assert!(matches!(
        handle.reload().await,
        Err(ReloadError::NotStarted)
    ));
    let running = start(registry);
    running.await_healthy().await.unwrap();
    let reload = tokio::spawn({
        let handle = handle.clone();
        async move { handle.reload().await }
    });
    sleep(secs(1)).await;
    let began = Instant::now();
    running.stop().await.into_result().unwrap();
    assert_eq!(began.elapsed(), secs(0));
    let error = reload.await.unwrap().unwrap_err();
    assert_eq!(
        error.to_string(),
        "not reloaded: the application is stopping: stop requested"
    );
    assert_eq!(notes.take(), ["dropped"]);
    assert!(matches!(
        handle.reload().await,
        Err(ReloadError::Stopping(_))
    ));

    let registry = registry! { "b" => Feed(notes.clone()) };
    let handle = registry.handle();
    drop(registry);
    assert!(matches!(
        handle.reload().await,
        Err(ReloadError::Stopping(_))
    ));
}

#[service(worker)]
struct Slow(Notes, Duration);

impl Worker for Slow {
    async fn startup(&self, _: &Context) -> Result {
        sleep(self.1).await;
        Ok(())
    }

    async fn run(&self, cx: &Context) -> Result {
        until_stopped(cx).await
    }

    async fn reload(&self, cx: &Context) -> Result {
        self.0.reload(cx).await
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_starting_is_waited_for_and_what_has_not_begun_is_left_out() {
    let _log = Log::open();
    let notes = Notes::default();
    let slow = |time| Slow(notes.clone(), time);
    let registry = registry! {
        "a" => slow(secs(5)),
        "b" => slow(secs(100)), start_timeout = "8s", on_failure = ignore,
        "c" => slow(secs(30)), after = ["a"],
        "d" => slow(secs(1)), after = ["c"],
    };
    let running = start(registry);
    let handle = running.handle();
    sleep(secs(1)).await;
    let began = Instant::now();
    handle.reload().await.unwrap();
    // `c` had begun to start when its turn came; `d` is ready by then.
    assert_eq!(began.elapsed(), secs(36));
    assert_eq!(notes.take(), each(&["a", "c", "d"]));
    running.stop().await.into_result().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_a_failure_of_the_service() {
    #[service(worker)]
    struct Panics;

    impl Worker for Panics {
        async fn run(&self, cx: &Context) -> Result {
            until_stopped(cx).await
        }

        async fn reload(&self, _: &Context) -> Result {
            panic!("as scripted");
        }
    }

    let _log = Log::open();
    hush();
    let running = start(registry! { "worker" => Panics });
    running.await_healthy().await.unwrap();
    let error = running.handle().reload().await.unwrap_err();
    // The stop that follows may be faster than the answer.
    let text = error.to_string();
    assert!(
        text.contains("service `worker` panicked in reload: as scripted"),
        "{text}"
    );
    let reason = running.wait().await;
    assert_eq!(
        reason.to_string(),
        "service `worker` panicked in reload: as scripted"
    );
    assert_eq!(running.stop().await.exit_code(), 1);
}

#[tokio::test(start_paused = true)]
async fn code_that_a_reload_would_wait_for_is_told_so_and_other_code_may_ask() {
    #[service(worker)]
    struct Asks(Notes, AtomicU32);

    impl Asks {
        async fn ask(&self, part: &str, cx: &Context) {
            let result = cx.handle().reload().await;
            let text = result.map_or_else(|error| error.to_string(), |()| "done".to_owned());
            self.0.add(format!("{part}: {text}"));
        }
    }

    impl Worker for Asks {
        async fn startup(&self, cx: &Context) -> Result {
            self.ask("startup", cx).await;
            Ok(())
        }

        async fn run(&self, cx: &Context) -> Result {
            sleep(secs(1)).await;
            self.ask("run", cx).await;
            until_stopped(cx).await
        }

        async fn reload(&self, cx: &Context) -> Result {
            if self.1.fetch_add(1, Ordering::Relaxed) == 0 {
                self.ask("reload", cx).await;
            }
            Ok(())
        }
    }

    let _log = Log::open();
    let notes = Notes::default();
    let running = start(registry! { "asks" => Asks(notes.clone(), AtomicU32::new(0)) });
    running.await_healthy().await.unwrap();
    sleep(secs(2)).await;
    let refused =
        "service `asks` asks for a reload that would wait for it: ask from a task (`cx.spawn`)";
    let expected = [
        format!("startup: {refused}"),
        format!("reload: {refused}"),
        "run: done".to_owned(),
    ];
    assert_eq!(notes.take(), expected);
    running.stop().await.into_result().unwrap();
}

#[test]
fn on_threads_no_reload_is_lost_whatever_stops_meanwhile() {
    /// Counts its reloads, in a hook that is woken by another thread.
    struct Counts(Arc<AtomicU32>);

    #[async_trait]
    impl Service for Counts {
        async fn start(&self, cx: &Context) -> Result {
            cx.ready();
            until_stopped(cx).await
        }

        async fn stop(&self, cx: &Context) -> Result {
            cx.exited().await;
            Ok(())
        }

        async fn reload(&self, _: &Context) -> Result {
            self.0.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
            Ok(())
        }
    }

    #[service(worker)]
    struct Shaped(Arc<AtomicU32>);

    impl Worker for Shaped {
        async fn run(&self, cx: &Context) -> Result {
            until_stopped(cx).await
        }

        async fn reload(&self, _: &Context) -> Result {
            self.0.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
            Ok(())
        }
    }

    let _log = Log::open();
    let runtime = threads(4);
    for round in 0..2_000_u32 {
        let count = Arc::new(AtomicU32::new(0));
        let run = async {
            let registry: Registry = registry! {
                "a" => Counts(count.clone()),
                "b" => Elsewhere(Arc::new(Shaped(count.clone()))),
                "c" => Shaped(count.clone()),
            };
            let running = start(registry);
            running.await_healthy().await.unwrap();
            let handle = running.handle();
            for _ in 0..3 {
                handle.reload().await.unwrap();
            }
            assert_eq!(count.load(Ordering::Relaxed), 9);
            let asked: Vec<_> = (0..round % 3)
                .map(|_| {
                    let handle = handle.clone();
                    tokio::spawn(async move { handle.reload().await })
                })
                .collect();
            running.stop().await.into_result().unwrap();
            for asked in asked {
                match asked.await.unwrap() {
                    Ok(()) | Err(ReloadError::Stopping(_)) => {}
                    Err(error) => panic!("{error}"),
                }
            }
        };
        runtime.block_on(async { timeout(secs(60), run).await.unwrap() });
    }
}

#[tokio::test(start_paused = true)]
async fn services_of_a_registry_that_is_a_service_are_reloaded_and_named_by_their_path() {
    let _log = Log::open();
    let notes = Notes::default();
    let fails = Arc::new(Mutex::new(Some("no such file")));
    let inner = registry! {
        "feed" => Feed(notes.clone()),
        "flaky" => Flaky(fails.clone()), after = ["feed"],
    };
    let registry = registry! {
        "store" => Box::new(Custom(notes.clone())) as Box<dyn Service>,
        "part" => inner, after = ["store"],
        "none" => None::<Custom>,
        "some" => Some(Custom(notes.clone())), after = ["part"],
    };
    let running = start(registry);
    running.await_healthy().await.unwrap();
    let handle = running.handle();
    let error = handle.reload().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "service `part/flaky` failed in reload: no such file"
    );
    assert_eq!(notes.take(), each(&["store", "part/feed", "some"]));
    *fails.lock().unwrap() = None;
    handle.reload().await.unwrap();
    assert_eq!(notes.take(), each(&["store", "part/feed", "some"]));
    running.stop().await.into_result().unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_members_of_a_group_are_reloaded_in_the_order_of_their_start() {
    let group = Group::new();
    reload_members(&group, group.clone()).await;
    let group = Group::new();
    reload_members(&group, Plain(group.clone())).await;
}

async fn reload_members(group: &Group<&'static str>, registered: impl Service) {
    let _log = Log::open();
    let notes = Notes::default();
    let fails = Arc::new(Mutex::new(Some("no such file")));
    for key in ["kept-1", "kept-2", "kept-3"] {
        group.add(key, Store(notes.clone())).await.unwrap();
    }
    let running = start(registry! {
        "last" => Store(notes.clone()), after = ["tenants"],
        "tenants" => registered,
    });
    running.await_healthy().await.unwrap();
    let handle = running.handle();
    group.add("one", Store(notes.clone())).await.unwrap();
    group.add("custom", Custom(notes.clone())).await.unwrap();
    group.add("flaky", Flaky(fails.clone())).await.unwrap();
    let expected = |keys: &[&str]| {
        let names: Vec<_> = keys.iter().map(|key| format!("tenants/{key}")).collect();
        let names = names.iter().map(String::as_str).chain(["last"]);
        each(&names.collect::<Vec<_>>())
    };
    let error = handle.reload().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "service `tenants/flaky` failed in reload: no such file"
    );
    let kept = ["kept-1", "kept-2", "kept-3", "one", "custom"];
    assert_eq!(notes.take(), expected(&kept));
    *fails.lock().unwrap() = None;

    // One that takes the place of a member that is gone has started after the others.
    group.remove("kept-2").await.into_result().unwrap();
    group.remove("one").await.into_result().unwrap();
    group.add("late", Store(notes.clone())).await.unwrap();
    group.add("later", Custom(notes.clone())).await.unwrap();
    for _ in 0..2 {
        handle.reload().await.unwrap();
        let there = ["kept-1", "kept-3", "custom", "late", "later"];
        assert_eq!(notes.take(), expected(&there));
    }
    running.stop().await.into_result().unwrap();
}

/// Asks the outermost registry for a reload, wherever it is itself.
#[service(worker)]
struct AsksOutside {
    outer: Arc<OnceLock<Handle>>,
    notes: Notes,
    has_asked: AtomicU32,
}

impl AsksOutside {
    async fn ask(&self, part: &str) {
        let result = self.outer.get().unwrap().reload().await;
        let text = result.map_or_else(|error| error.to_string(), |()| "done".to_owned());
        self.notes.add(format!("{part}: {text}"));
    }
}

impl Worker for AsksOutside {
    async fn startup(&self, _: &Context) -> Result {
        self.ask("startup").await;
        Ok(())
    }

    async fn run(&self, cx: &Context) -> Result {
        sleep(secs(1)).await;
        self.ask("run").await;
        until_stopped(cx).await
    }

    async fn reload(&self, _: &Context) -> Result {
        if self.has_asked.fetch_add(1, Ordering::Relaxed) == 0 {
            self.ask("reload").await;
        }
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn code_deep_inside_that_a_reload_of_the_outermost_registry_would_wait_for_is_told_so_at_once()
 {
    for depth in 1..=3 {
        for is_member in [false, true] {
            let _log = Log::open();
            let (outer, notes) = (Arc::new(OnceLock::new()), Notes::default());
            let asks = AsksOutside {
                outer: outer.clone(),
                notes: notes.clone(),
                has_asked: AtomicU32::new(0),
            };
            let mut inner: Box<dyn Service> = Box::new(asks);
            let mut path = Vec::new();
            for level in 0..depth {
                path.insert(0, format!("l{level}"));
                inner = if is_member && level == 0 {
                    let group = Group::new();
                    group.add("l0".to_owned(), inner).await.unwrap();
                    Box::new(group)
                } else {
                    let one = Registry::builder().service(format!("l{level}"), inner);
                    Box::new(one.build().unwrap())
                };
            }
            path.insert(0, "top".to_owned());
            let registry = registry! { "top" => inner };
            assert!(outer.set(registry.handle()).is_ok());
            let began = Instant::now();
            let running = start(registry);
            running.await_healthy().await.unwrap();
            sleep(secs(2)).await;
            let refused = format!(
                "service `{}` asks for a reload that would wait for it: ask from a task (`cx.spawn`)",
                path.join("/")
            );
            let expected = [
                format!("startup: {refused}"),
                format!("reload: {refused}"),
                "run: done".to_owned(),
            ];
            assert_eq!(notes.take(), expected, "{depth} {is_member}");
            assert_eq!(began.elapsed(), secs(2), "no time limit was waited for");
            running.stop().await.into_result().unwrap();
        }
    }
}
