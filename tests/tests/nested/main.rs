//! Services that hold what is meant to hold them: a registry in a service, a service that stops its own application, one
//! service under two names.
//!
//! Of a registry that code of a service has started nothing may be left when the outer stop has returned. The kind: however it was
//! started (in a hook, in a task, in a destructor, in a registry in between), wherever it is held (in a future, in the service, outside),
//! and whether what is in it listens or not.

mod as_service;
mod handles;

use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lifecycle::{
    Context, Idle, Intake, Queue, Registry, Result, Running, State, StopChannel, Worker, registry,
    service,
};
use lifecycle_tests::{Alive, Journal, millis, secs, start, state_of, takes, threads};
use tokio::runtime::{Builder, Handle};
use tokio::task::{block_in_place, spawn_blocking, yield_now};
use tokio::time::{sleep, timeout};

/// Runs an application of its own, and ends it when it is asked to stop.
#[service(worker)]
struct Tenant(Journal);

impl Worker for Tenant {
    async fn run(&self, cx: &Context) -> Result {
        let inner = registry! {
            "inner-store" => self.0.script().drain(takes(secs(1))).idle(),
            "inner-api" => self.0.script().drain(takes(secs(1))).worker(), after = ["inner-store"],
        };
        let inner = inner
            .signals(false)
            .stop_on(cx.stop_channel().closed_owned());
        inner.run().await.into_result()?;
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_registry_in_a_service_stops_before_what_the_service_depends_on() {
    let journal = Journal::new();
    let running = start(registry! {
        "store" => journal.script().idle(),
        "tenant" => Tenant(journal.clone()), after = ["store"],
    });
    running.await_healthy().await.unwrap();
    sleep(secs(1)).await;
    running.stop().await.into_result().unwrap();
    journal.assert_order(&[
        "inner-api: drain done",
        "inner-store: drain",
        "inner-store: drain done",
        "store: drain",
    ]);
    assert_eq!(journal.now(), secs(3));
}

/// What a service is given of the application it is part of.
type Own = Arc<Mutex<Option<Running>>>;

#[service(worker)]
struct StopsItself {
    own: Own,
    drops: bool,
}

impl Worker for StopsItself {
    async fn run(&self, cx: &Context) -> Result {
        sleep(secs(1)).await;
        let own = self
            .own
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if self.drops {
            drop(own);
            cx.stop_channel().closed().await;
        } else if let Some(own) = own {
            // It waits for itself, until it is dropped.
            let _ = own.stop().await;
        }
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_that_stops_or_drops_its_own_application_is_stopped_like_the_others() {
    for (drops, end) in [(true, secs(1)), (false, secs(4))] {
        let journal = Journal::new();
        let own = Own::default();
        let running = start(registry! {
            "store" => journal.script().idle(),
            "self" => StopsItself { own: own.clone(), drops }, after = ["store"], stop_timeout = "4s",
        });
        let handle = running.handle();
        let mut moves = handle.subscribe();
        *own.lock().unwrap() = Some(running);
        let over = async { while moves.recv().await.is_some() {} };
        timeout(secs(60), over).await.unwrap();
        assert_eq!(journal.at("store: drain done"), end);
    }
}

/// Counts how many of its runs are under way.
#[service(worker)]
struct Shared(AtomicUsize);

impl Worker for Shared {
    async fn run(&self, cx: &Context) -> Result {
        self.0.fetch_add(1, Ordering::Relaxed);
        cx.stop_channel().closed().await;
        self.0.fetch_sub(1, Ordering::Relaxed);
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn one_service_under_two_names_lives_twice() {
    let shared = Arc::new(Shared(AtomicUsize::new(0)));
    let running = start(registry! {
        "one" => shared.clone(),
        "two" => shared.clone(), after = ["one"],
    });
    running.await_healthy().await.unwrap();
    assert_eq!(shared.0.load(Ordering::Relaxed), 2);
    running.stop().await.into_result().unwrap();
    assert_eq!(shared.0.load(Ordering::Relaxed), 0);
}

#[service(queue(size = 10, interval = "1s"))]
struct Audit {
    items: Intake<u8>,
    flushed: Arc<AtomicUsize>,
}

impl Queue for Audit {
    type Item = u8;

    fn intake(&self) -> &Intake<u8> {
        &self.items
    }

    async fn flush(&self, batch: &[u8], _: &Context) -> Result {
        self.flushed.fetch_add(batch.len(), Ordering::Relaxed);
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_queue_whose_intake_is_in_use_by_its_dependency_does_not_hold_up_the_stop() {
    let items = Intake::bounded(100);
    let flushed = Arc::default();
    let audit = Arc::new(Audit {
        items: items.clone(),
        flushed: Arc::clone(&flushed),
    });
    let running = start(registry! {
        "one" => audit.clone(),
        "two" => audit.clone(), after = ["one"],
    });
    running.await_healthy().await.unwrap();
    for item in 0..25 {
        items.send(item).await.unwrap();
    }
    let outcome = running.stop().await;
    assert_eq!(outcome.to_string().lines().count(), 2, "{outcome}");
    assert_eq!(outcome.took(), Some(secs(0)));
    assert_eq!(flushed.load(Ordering::Relaxed), 25);
}

/// Lets blocking code see its application, as a request handler may.
#[service(idle)]
struct Blocks;

impl Idle for Blocks {
    async fn startup(&self, cx: &Context) -> Result {
        let handle = cx.handle();
        assert!(!block_in_place(|| handle.is_healthy()));
        assert_eq!(spawn_blocking(move || handle.states().len()).await?, 2);
        Ok(())
    }

    async fn drain(&self, cx: &Context) -> Result {
        let handle = cx.handle();
        let reason = block_in_place(|| {
            let runtime = Builder::new_current_thread().build()?;
            Ok::<_, std::io::Error>(runtime.block_on(handle.wait()))
        });
        assert_eq!(reason?.to_string(), "stop requested");
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hooks_may_leave_their_thread_to_blocking_code_and_to_a_runtime_of_its_own() {
    let journal = Journal::new();
    let running = start(registry! {
        "store" => journal.script().idle(),
        "blocks" => Blocks, after = ["store"],
    });
    running.await_healthy().await.unwrap();
    running.stop().await.into_result().unwrap();
    assert_eq!(journal.count("store: drain done"), 1);
}

/// Counts how long it goes on.
#[service(worker)]
struct Heart {
    beats: Arc<AtomicUsize>,
    journal: Journal,
    /// It stops when it is asked to.
    listens: bool,
}

impl Worker for Heart {
    async fn run(&self, cx: &Context) -> Result {
        let stop = cx.stop_channel();
        cx.spawn(beat(self.beats.clone(), stop.clone(), self.listens));
        beat(self.beats.clone(), stop, self.listens).await
    }

    async fn drain(&self, _: &Context) -> Result {
        self.journal.note("heart drained");
        if !self.listens {
            pending::<()>().await;
        }
        Ok(())
    }
}

async fn beat(beats: Arc<AtomicUsize>, stop: StopChannel, listens: bool) -> Result {
    while !(listens && stop.is_closed()) {
        beats.fetch_add(1, Ordering::Relaxed);
        sleep(millis(100)).await;
    }
    Ok(())
}

/// How a service comes by a registry of its own, and what it does with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holds {
    /// `run()` in a `run` that does not listen.
    Future,
    /// A `Running` in such a `run`.
    Local,
    /// In the service itself.
    Field,
    /// Where the service does not reach it any more.
    Outside,
    /// In a task it has spawned.
    Task,
    /// In a drain that has no end.
    Drain,
    /// One more registry in between.
    Deep,
}

const ALL: [Holds; 7] = [
    Holds::Future,
    Holds::Local,
    Holds::Field,
    Holds::Outside,
    Holds::Task,
    Holds::Drain,
    Holds::Deep,
];

#[service(worker)]
struct Holder {
    holds: Holds,
    listens: bool,
    beats: Arc<AtomicUsize>,
    journal: Journal,
    field: Mutex<Option<Running>>,
    outside: Own,
}

impl Holder {
    fn inner(&self) -> Registry {
        let (beats, journal) = (self.beats.clone(), self.journal.clone());
        let listens = self.listens;
        let heart = Heart {
            beats,
            journal,
            listens,
        };
        registry! { "heart" => heart }.signals(false)
    }

    fn put(&self, place: &Mutex<Option<Running>>) {
        *place.lock().unwrap_or_else(PoisonError::into_inner) = Some(self.inner().start());
    }
}

impl Worker for Holder {
    async fn run(&self, cx: &Context) -> Result {
        match self.holds {
            Holds::Future => drop(self.inner().run().await),
            Holds::Local => {
                let _running = self.inner().start();
                pending::<()>().await;
            }
            Holds::Field => self.put(&self.field),
            Holds::Outside => self.put(&self.outside),
            Holds::Task => {
                let inner = self.inner();
                cx.spawn(async move {
                    drop(inner.run().await);
                    Ok(())
                });
            }
            Holds::Drain => {}
            Holds::Deep => {
                let between = Self {
                    holds: Holds::Future,
                    listens: self.listens,
                    beats: self.beats.clone(),
                    journal: self.journal.clone(),
                    field: Mutex::default(),
                    outside: Own::default(),
                };
                drop(
                    registry! { "between" => between }
                        .signals(false)
                        .run()
                        .await,
                );
            }
        }
        cx.stop_channel().closed().await;
        Ok(())
    }

    async fn drain(&self, _: &Context) -> Result {
        if self.holds == Holds::Drain {
            drop(self.inner().run().await);
        }
        Ok(())
    }
}

fn holder(holds: Holds, listens: bool) -> Holder {
    Holder {
        holds,
        listens,
        beats: Arc::default(),
        journal: Journal::new(),
        field: Mutex::default(),
        outside: Own::default(),
    }
}

#[tokio::test(start_paused = true)]
async fn a_registry_that_a_service_has_started_does_not_outlive_the_outer_stop() {
    for (holds, listens) in ALL
        .into_iter()
        .flat_map(|holds| [(holds, true), (holds, false)])
    {
        let before = Handle::current().metrics().num_alive_tasks();
        let holder = holder(holds, listens);
        let (beats, outside) = (holder.beats.clone(), holder.outside.clone());
        let inner = holder.journal.clone();
        let journal = Journal::new();
        let running = start(registry! {
            "store" => journal.script().idle(),
            "holder" => holder, after = ["store"], stop_timeout = "4s",
        });
        running.await_healthy().await.unwrap();
        sleep(secs(1)).await;
        let outcome = running.stop().await;
        let at_stop = beats.load(Ordering::Relaxed);
        assert!(at_stop > 0, "{holds:?}");
        assert!(outcome.took().unwrap() <= secs(4), "{holds:?}: {outcome}");
        assert_eq!(journal.count("store: drain done"), 1, "{holds:?}");
        let after = Handle::current().metrics().num_alive_tasks();
        assert_eq!(after, before, "{holds:?} {listens}");
        sleep(secs(5)).await;
        assert_eq!(
            beats.load(Ordering::Relaxed),
            at_stop,
            "{holds:?} {listens}"
        );
        // Whatever has happened to the service, what it has started is drained.
        assert_eq!(inner.count("heart drained"), 1, "{holds:?} {listens}");
        let is_late = |name: &str| outcome.laggards().iter().any(|one| one.service == *name);
        let ends_by_itself = listens && matches!(holds, Holds::Field | Holds::Outside);
        assert_eq!(is_late("holder"), !ends_by_itself, "{holds:?}: {outcome}");
        assert!(!is_late("store"), "{holds:?}: {outcome}");
        drop(outside);
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_that_fails_takes_the_registry_with_it_that_it_has_started() {
    let (beats, outside) = (Arc::<AtomicUsize>::default(), Own::default());
    let (journal, inner) = (Journal::new(), Journal::new());
    let fails = Fails {
        beats: beats.clone(),
        journal: inner.clone(),
        outside: outside.clone(),
    };
    let running = start(registry! {
        "fails" => fails, on_failure = ignore,
        "other" => journal.script().idle(),
    });
    sleep(secs(1)).await;
    assert_eq!(state_of(&running.handle(), "fails"), State::Failed);
    assert_eq!(inner.count("heart drained"), 1);
    let at_failure = beats.load(Ordering::Relaxed);
    sleep(secs(5)).await;
    assert_eq!(beats.load(Ordering::Relaxed), at_failure);
    running.stop().await.into_result().unwrap();
    drop(outside);
}

#[service(worker)]
struct Fails {
    beats: Arc<AtomicUsize>,
    journal: Journal,
    outside: Own,
}

impl Worker for Fails {
    async fn run(&self, _: &Context) -> Result {
        let heart = Heart {
            beats: self.beats.clone(),
            journal: self.journal.clone(),
            listens: true,
        };
        let inner = start(registry! { "heart" => heart });
        *self.outside.lock().unwrap_or_else(PoisonError::into_inner) = Some(inner);
        sleep(millis(500)).await;
        Err("lost")?
    }
}

/// Starts a registry in its `startup`, and stops it in its `drain`.
#[service(idle)]
struct Platform {
    journal: Journal,
    running: Mutex<Option<Running>>,
}

impl Platform {
    fn running(&self) -> MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Idle for Platform {
    async fn startup(&self, _: &Context) -> Result {
        let inner = start(registry! {
            "inner-store" => self.journal.script().drain(takes(secs(1))).idle(),
        });
        inner.await_healthy().await?;
        *self.running() = Some(inner);
        Ok(())
    }

    async fn drain(&self, _: &Context) -> Result {
        let inner = self.running().take();
        if let Some(inner) = inner {
            inner.stop().await.into_result()?;
        }
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_may_stop_in_its_drain_what_it_has_started() {
    let journal = Journal::new();
    let platform = Platform {
        journal: journal.clone(),
        running: Mutex::default(),
    };
    let running = start(registry! {
        "store" => journal.script().idle(),
        "platform" => platform, after = ["store"],
    });
    running.await_healthy().await.unwrap();
    running.stop().await.into_result().unwrap();
    journal.assert_order(&["inner-store: drain done", "store: drain"]);
    assert_eq!(journal.now(), secs(1));
}

/// Starts a registry when it is dropped.
struct StartsAtItsEnd(Journal, Own);

impl Drop for StartsAtItsEnd {
    fn drop(&mut self) {
        let late = start(registry! { "late" => self.0.script().idle() });
        *self.1.lock().unwrap_or_else(PoisonError::into_inner) = Some(late);
    }
}

#[service(worker)]
struct LastWill(Journal, Own);

impl Worker for LastWill {
    async fn run(&self, _: &Context) -> Result {
        let _will = StartsAtItsEnd(self.0.clone(), self.1.clone());
        pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_cut_starts_no_registry() {
    let (journal, own) = (Journal::new(), Own::default());
    let running = start(registry! { "will" => LastWill(journal.clone(), own.clone()) });
    running.await_healthy().await.unwrap();
    let outcome = running.stop().await;
    assert_eq!(outcome.laggards().len(), 1, "{outcome}");
    let late = own.lock().unwrap().take().unwrap();
    assert_eq!(
        late.await_healthy().await.unwrap_err().to_string(),
        "a registry that a service starts ends with the service, and that is over"
    );
    assert!(journal.all().is_empty());
}

/// Always busy, deaf, and with tasks that start others.
#[service(worker)]
struct Busy(Arc<AtomicUsize>);

fn busy(cx: Context, alive: Arc<AtomicUsize>) -> Pin<Box<dyn Future<Output = Result> + Send>> {
    Box::pin(async move {
        let _alive = Alive::new(&alive);
        yield_now().await;
        cx.spawn(busy(cx.clone(), alive.clone()));
        Ok(())
    })
}

impl Worker for Busy {
    async fn run(&self, cx: &Context) -> Result {
        let _alive = Alive::new(&self.0);
        cx.spawn(busy(cx.clone(), self.0.clone()));
        loop {
            yield_now().await;
        }
    }
}

/// Starts registries one after the other, and does not wait for the end of any.
#[service(worker)]
struct Restless(Arc<AtomicUsize>);

impl Worker for Restless {
    async fn run(&self, cx: &Context) -> Result {
        let mut all = Vec::new();
        for number in 0.. {
            if number < 4 {
                all.push(start(registry! { "busy" => Busy(self.0.clone()) }));
            }
            if number < 12 && number % 3 == 0 {
                let alive = self.0.clone();
                cx.spawn(async move {
                    drop(start(registry! { "busy" => Busy(alive) }));
                    Ok(())
                });
            }
            yield_now().await;
        }
        Ok(())
    }
}

#[test]
fn whenever_the_stop_comes_nothing_of_an_inner_registry_is_left() {
    let runtime = threads(2);
    for seed in 0..100 {
        fastrand::seed(seed);
        let alive = Arc::<AtomicUsize>::default();
        let (left, took) = runtime.block_on(async {
            let running = start(registry! {
                "restless" => Restless(alive.clone()), stop_timeout = "4ms",
            });
            let enough = fastrand::usize(0..8);
            while alive.load(Ordering::SeqCst) < enough {
                yield_now().await;
            }
            let outcome = running.stop().await;
            (alive.load(Ordering::SeqCst), outcome.took().unwrap())
        });
        // On a busy machine a thread may be away for so long that its code counts as blocking.
        assert!(left == 0 || took > millis(200), "seed {seed}: {left} left");
    }
}
