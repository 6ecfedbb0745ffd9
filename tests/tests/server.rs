//! The server shape: `bind`, then `serve` with what was bound.
//!
//! The kinds of mistakes held off here: a service that shows as running before it is bound, a `bind` that the start timeout, a stop
//! or a failure does not end, a bound value that outlives its run or that is lost on its way to `serve`, a drain that is owed and
//! does not come, or comes without a bind.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use lifecycle::{Context, Fault, Phase, Result, Server, Shape, State, registry, service};
use lifecycle_tests::{
    Hook, Journal, Plain, fails, hangs, millis, nothing, panics, secs, shuts_down, start, state_of,
    takes, until_stopped,
};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio::task::yield_now;
use tokio::time::sleep;

/// What is bound; tells when it is dropped.
struct Socket {
    number: u32,
    journal: Journal,
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.journal.note(format!("socket {} dropped", self.number));
    }
}

/// A server that follows a script.
struct Script {
    journal: Journal,
    /// One for each attempt; the last is repeated.
    binds: Vec<Hook>,
    serve: Hook,
    drain: Hook,
    attempts: AtomicU32,
}

impl Script {
    fn new(journal: &Journal) -> Self {
        Self {
            journal: journal.clone(),
            binds: vec![nothing()],
            serve: until_stopped(),
            drain: nothing(),
            attempts: AtomicU32::new(0),
        }
    }

    fn binds(mut self, binds: impl IntoIterator<Item = Hook>) -> Self {
        self.binds = binds.into_iter().collect();
        self
    }

    fn serves(mut self, serve: Hook) -> Self {
        self.serve = serve;
        self
    }

    fn drains(mut self, drain: Hook) -> Self {
        self.drain = drain;
        self
    }

    async fn perform_bind(&self, cx: &Context) -> Result<Socket> {
        let number = self.attempts.fetch_add(1, Ordering::Relaxed);
        let hook = self.binds.get(number as usize).or(self.binds.last());
        hook.unwrap().perform("bind", cx, &self.journal).await?;
        Ok(Socket {
            number: number + 1,
            journal: self.journal.clone(),
        })
    }

    async fn perform_serve(&self, socket: Socket, cx: &Context) -> Result {
        self.journal
            .note(format!("socket {} served", socket.number));
        self.serve.perform("serve", cx, &self.journal).await
    }

    async fn perform_drain(&self, cx: &Context) -> Result {
        self.drain.perform("drain", cx, &self.journal).await
    }
}

#[service(server)]
struct Scripted(Script);

impl Server for Scripted {
    type Bound = Socket;

    async fn bind(&self, cx: &Context) -> Result<Socket> {
        self.0.perform_bind(cx).await
    }

    async fn serve(&self, socket: Socket, cx: &Context) -> Result {
        self.0.perform_serve(socket, cx).await
    }

    async fn drain(&self, cx: &Context) -> Result {
        self.0.perform_drain(cx).await
    }
}

#[service(server, startup(retry = "1s..1s"))]
struct Patient(Script);

impl Server for Patient {
    type Bound = Socket;

    async fn bind(&self, cx: &Context) -> Result<Socket> {
        self.0.perform_bind(cx).await
    }

    async fn serve(&self, socket: Socket, cx: &Context) -> Result {
        self.0.perform_serve(socket, cx).await
    }

    async fn drain(&self, cx: &Context) -> Result {
        self.0.perform_drain(cx).await
    }
}

#[tokio::test(start_paused = true)]
async fn it_is_running_once_it_is_bound_and_its_dependents_start_then() {
    let journal = Journal::new();
    let running = start(registry! {
        "api" => Scripted(Script::new(&journal).binds([takes(secs(2))])),
        "web" => journal.script().idle(), after = ["api"],
    });
    sleep(secs(1)).await;
    let handle = running.handle();
    assert_eq!(state_of(&handle, "api"), State::Starting);
    assert_eq!(state_of(&handle, "web"), State::Waiting);
    running.await_healthy().await.unwrap();
    assert_eq!(handle.states()[0].shape, Shape::Server);
    assert_eq!(Shape::Server.to_string(), "server");
    assert_eq!(journal.at("web: startup done"), secs(2));
    running.stop().await.into_result().unwrap();
    journal.assert_order(&[
        "api: bind done",
        "socket 1 served",
        "web: drain done",
        "api: serve done",
        "socket 1 dropped",
        "api: drain",
    ]);
    assert_eq!(journal.count("api: drain done"), 1);
    assert_eq!(journal.count("socket 1 dropped"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_bind_that_fails_or_panics_fails_its_dependents_and_is_not_drained() {
    for (bind, told) in [
        (
            fails("address in use"),
            "service `api` failed in startup: address in use",
        ),
        (
            panics("no port"),
            "service `api` panicked in startup: no port",
        ),
    ] {
        let journal = Journal::new();
        let running = start(registry! {
            "api" => Scripted(Script::new(&journal).binds([bind])),
            "web" => journal.script().idle(), after = ["api"],
        });
        running.await_healthy().await.unwrap_err();
        assert_eq!(running.wait().await.to_string(), told);
        let outcome = running.stop().await;
        assert_eq!(outcome.exit_code(), 1);
        assert!(journal.of("web").is_empty());
        assert_eq!(journal.count("api: drain"), 0);
        let dependency = outcome.services()[1].error.clone().unwrap();
        assert!(matches!(dependency.fault(), Fault::Dependency(name) if *name == *"api"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_bind_that_hangs_runs_into_the_start_timeout() {
    let journal = Journal::new();
    let running = start(registry! {
        "api" => Scripted(Script::new(&journal).binds([hangs()])), start_timeout = "5s",
    });
    assert_eq!(
        running.wait().await.to_string(),
        "service `api` was not ready within 5s (`start_timeout`): its `bind` has not returned"
    );
    running.stop().await.into_result().unwrap_err();
    assert_eq!(journal.count("api: drain"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_stop_drops_the_bind_in_flight_and_nothing_is_drained() {
    let journal = Journal::new();
    let running = start(registry! {
        "store" => journal.script().idle(),
        "api" => Scripted(Script::new(&journal).binds([takes(secs(60))])), after = ["store"],
    });
    sleep(secs(1)).await;
    let outcome = running.stop().await;
    assert_eq!(outcome.exit_code(), 0, "{outcome}");
    assert_eq!(outcome.took(), Some(secs(0)));
    assert_eq!(journal.count("api: drain"), 0);
    assert_eq!(journal.count("store: drain done"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_bind_is_tried_again_and_the_one_that_succeeds_is_served() {
    let journal = Journal::new();
    let script = Script::new(&journal);
    let running = start(registry! {
        "api" => Patient(script.binds([fails("address in use"), fails("address in use"), nothing()])),
    });
    sleep(millis(500)).await;
    let degraded = running.handle().states()[0].degraded.clone();
    assert_eq!(
        degraded.as_deref(),
        Some("1 attempt of `bind` failed: address in use")
    );
    running.await_healthy().await.unwrap();
    assert!(running.handle().states()[0].degraded.is_none());
    assert_eq!(journal.count("socket 3 served"), 1);
    running.stop().await.into_result().unwrap();
    assert_eq!(journal.count("api: drain done"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_bind_that_is_tried_again_for_too_long_tells_its_last_error() {
    let journal = Journal::new();
    let running = start(registry! {
        "api" => Patient(Script::new(&journal).binds([fails("address in use")])), start_timeout = "3s",
    });
    let told = running.wait().await.to_string();
    assert!(
        told.contains("attempts of `bind` failed, the last: address in use"),
        "{told}"
    );
    running.stop().await.into_result().unwrap_err();
    assert_eq!(journal.count("api: drain"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_serve_that_returns_before_anybody_asked_exited_early_and_drains_once() {
    let journal = Journal::new();
    let running = start(registry! {
        "api" => Scripted(Script::new(&journal).serves(takes(secs(1)))),
    });
    assert_eq!(
        running.wait().await.to_string(),
        "service `api` exited early: it returned before it was asked to stop"
    );
    let outcome = running.stop().await;
    assert_eq!(outcome.exit_code(), 1);
    journal.assert_order(&["api: serve done", "socket 1 dropped", "api: drain"]);
    assert_eq!(journal.count("api: drain done"), 1);
}

#[tokio::test(start_paused = true)]
async fn ok_after_a_stop_was_asked_for_is_clean_and_the_drain_waits_for_its_turn() {
    let journal = Journal::new();
    let script = Script::new(&journal).serves(takes(secs(1)).then(shuts_down()));
    let running = start(registry! {
        "api" => Scripted(script),
        "web" => journal.script().run(until_stopped().then(takes(secs(1)))).worker(), after = ["api"],
    });
    running.wait().await;
    let outcome = running.stop().await;
    assert_eq!(outcome.exit_code(), 0, "{outcome}");
    journal.assert_order(&["api: serve done", "web: drain done", "api: drain"]);
    assert_eq!(journal.at("api: serve done"), secs(1));
    assert_eq!(journal.at("api: drain"), secs(2));
    assert_eq!(journal.count("api: drain done"), 1);
}

#[tokio::test(start_paused = true)]
async fn errors_and_panics_of_serve_and_drain_are_told_by_phase_and_the_drain_runs_once() {
    for (serve, told) in [
        (fails("reset"), "service `api` failed in run: reset"),
        (
            panics("poisoned"),
            "service `api` panicked in run: poisoned",
        ),
    ] {
        let journal = Journal::new();
        let script = Script::new(&journal).serves(takes(secs(1)).then(serve));
        let running = start(registry! { "api" => Scripted(script.drains(panics("disk full"))) });
        assert_eq!(running.wait().await.to_string(), told);
        let outcome = running.stop().await;
        let failures: Vec<_> = outcome.failures().iter().map(ToString::to_string).collect();
        assert_eq!(
            failures,
            [told, "service `api` panicked in drain: disk full"]
        );
        assert_eq!(journal.count("api: drain"), 1);
        assert_eq!(journal.count("socket 1 dropped"), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_serve_that_is_late_is_dropped_with_what_was_bound_and_then_drained() {
    let journal = Journal::new();
    let running = start(registry! {
        "store" => journal.script().idle(),
        "api" => Scripted(Script::new(&journal).serves(hangs())),
            after = ["store"], stop_timeout = "4s",
    });
    running.await_healthy().await.unwrap();
    let outcome = running.stop().await;
    assert_eq!(outcome.laggards().len(), 1, "{outcome}");
    assert_eq!(outcome.laggards()[0].phase, Phase::Run);
    assert_eq!(journal.at("socket 1 dropped"), secs(3));
    journal.assert_order(&["socket 1 dropped", "api: drain", "store: drain"]);
    assert_eq!(journal.count("api: drain done"), 1);
}

/// Counts what was bound, served and drained, and whether what was bound is there.
#[derive(Default)]
struct Counts {
    bound: AtomicU32,
    served: AtomicU32,
    drained: AtomicU32,
    is_there: AtomicBool,
}

struct Bound(Arc<Counts>);

impl Drop for Bound {
    fn drop(&mut self) {
        self.0.is_there.store(false, Ordering::SeqCst);
    }
}

#[service(server)]
struct Counted(Arc<Counts>, u64);

impl Server for Counted {
    type Bound = Bound;

    async fn bind(&self, _: &Context) -> Result<Bound> {
        for _ in 0..self.1 {
            yield_now().await;
        }
        self.0.is_there.store(true, Ordering::SeqCst);
        self.0.bound.fetch_add(1, Ordering::SeqCst);
        Ok(Bound(self.0.clone()))
    }

    async fn serve(&self, _bound: Bound, cx: &Context) -> Result {
        self.0.served.fetch_add(1, Ordering::SeqCst);
        cx.stop_channel().closed().await;
        Ok(())
    }

    async fn drain(&self, _: &Context) -> Result {
        assert!(
            !self.0.is_there.load(Ordering::SeqCst),
            "drained beside what is bound"
        );
        self.0.drained.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

#[test]
fn whenever_the_stop_comes_each_completed_bind_is_served_and_drained_once() {
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    for round in 0..4_000 {
        let counts = Arc::new(Counts::default());
        let server = Counted(counts.clone(), round % 7);
        let outcome = runtime.block_on(async {
            let running = start(registry! { "api" => server });
            for _ in 0..round % 11 {
                yield_now().await;
            }
            running.stop().await
        });
        assert_eq!(outcome.exit_code(), 0, "{round}: {outcome}");
        let of = |count: &AtomicU32| count.load(Ordering::SeqCst);
        let bound = of(&counts.bound);
        assert_eq!(of(&counts.served), bound, "{round}");
        assert_eq!(of(&counts.drained), bound, "{round}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_decorator_around_it_is_a_server() {
    let journal = Journal::new();
    let running = start(registry! { "api" => Plain(Scripted(Script::new(&journal))) });
    running.await_healthy().await.unwrap();
    assert_eq!(running.handle().states()[0].shape, Shape::Server);
    running.stop().await.into_result().unwrap();
    assert_eq!(journal.count("api: drain done"), 1);
}

#[service(server)]
struct Generic<T>(T);

impl<T: Clone + Send + Sync> Server for Generic<T> {
    type Bound = (TcpListener, T);

    async fn bind(&self, _: &Context) -> Result<Self::Bound> {
        Ok((TcpListener::bind("127.0.0.1:0").await?, self.0.clone()))
    }

    async fn serve(&self, (listener, _): Self::Bound, cx: &Context) -> Result {
        let _client = TcpStream::connect(listener.local_addr()?).await?;
        cx.shutdown();
        Ok(())
    }
}

#[tokio::test]
async fn what_is_bound_is_a_real_listener_that_is_reachable() {
    let running = start(registry! { "api" => Generic("text") });
    running.wait().await;
    running.stop().await.into_result().unwrap();
}
