//! A program to send signals to, and to watch how it ends: `fixture <scenario> <runtime>`, run by `tests/process.rs`.
//!
//! It prints what its services do, one line each.

use std::process::{Command, exit};
use std::thread;
use std::time::Duration;

use lifecycle::{
    Context, Idle, Intake, Outcome, Queue, Registry, Result, Service, Worker, async_trait,
    registry, service,
};
use lifecycle_tests::{
    Journal, blocks, fails, hangs, millis, secs, shuts_down, spawns, takes, until_stopped, yields,
};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::signal::unix::{SignalKind, signal};

fn main() -> Outcome {
    let mut arguments = std::env::args().skip(1);
    let (scenario, runtime) = (arguments.next().unwrap(), arguments.next().unwrap());
    // The runtime is dropped before the outcome is reported, as under `#[tokio::main]`.
    runtime_of(&runtime).block_on(play(&scenario))
}

fn runtime_of(name: &str) -> Runtime {
    let mut builder = match name {
        "current" => Builder::new_current_thread(),
        "multi" | "wide" => Builder::new_multi_thread(),
        _ => panic!("no runtime is called {name}"),
    };
    let threads = if name == "wide" { 6 } else { 2 };
    builder
        .worker_threads(threads)
        .enable_all()
        .build()
        .unwrap()
}

async fn play(scenario: &str) -> Outcome {
    let journal = Journal::new().aloud();
    match scenario {
        "clients" => {
            registry! { "api" => Clients, stop_timeout = "300ms" }
                .run()
                .await
        }
        #[cfg(feature = "cron")]
        "local-zone" => local::run().await,
        "signals-off" => serve(&journal).signals(false).run().await,
        "after-stop" => {
            let outcome = serve(&journal).run().await;
            println!("over");
            thread::sleep(secs(60));
            outcome
        }
        "twice" => {
            serve(&journal).run().await.into_result().unwrap();
            println!("again");
            serve(&journal).run().await
        }
        "two-at-once" => {
            let other = tokio::spawn(serve(&journal).run());
            serve(&journal).run().await.into_result().unwrap();
            other.await.unwrap()
        }
        "one-of-two" => {
            let first = registry! { "first" => journal.script().idle() }.start();
            first.await_healthy().await.unwrap();
            let other = tokio::spawn(serve(&journal).run());
            first.stop().await.into_result().unwrap();
            other.await.unwrap()
        }
        "goes-on" => go_on(serve(&journal).deadline(millis(300)).run().await),
        "goes-on-late" => {
            let hung = registry! {
                deadline = "300ms",
                "a" => journal.script().run(hangs()).worker(),
            };
            go_on(hung.run().await)
        }
        _ => registry_of(scenario, &journal).run().await,
    }
}

/// One client never says a word, one makes its task panic, one resets its connection.
#[service(worker)]
struct Clients;

impl Worker for Clients {
    async fn run(&self, cx: &Context) -> Result {
        cx.spawn_isolated(std::future::pending::<()>());
        cx.spawn_isolated(async { panic!("no such route") });
        cx.spawn_isolated(async { Err("reset by peer".into()) });
        while cx.handle().states()[0].isolated.failures < 2 {
            tokio::task::yield_now().await;
        }
        println!("serving");
        cx.stop_channel().closed().await;
        Ok(())
    }

    async fn drain(&self, _: &Context) -> Result {
        println!("drained");
        Ok(())
    }
}

#[cfg(feature = "cron")]
mod local {
    use lifecycle::{Context, Outcome, Result, Scheduled, registry, service};
    use lifecycle_tests::cron::clock;
    use lifecycle_tests::secs;
    use tokio::time::Instant;

    #[service(scheduled(cron = "0 3 * * *", tz = "local"))]
    struct Nightly;

    impl Scheduled for Nightly {
        async fn tick(&self, _: &Context) -> Result {
            Ok(())
        }
    }

    /// Prints how many minutes after midnight by UTC the schedule is due.
    pub(crate) async fn run() -> Outcome {
        let running = registry! { "nightly" => Nightly }
            .wall_clock(clock("2026-01-01T00:00:00Z"))
            .start();
        if running.await_healthy().await.is_ok() {
            let ticks = running.handle().states().remove(0).ticks.unwrap();
            let wait = ticks.next_due.unwrap() - Instant::now() + secs(30);
            println!("{}", wait.as_secs() / 60);
        }
        running.stop().await
    }
}

fn serve(journal: &Journal) -> Registry {
    registry! {
        "store" => journal.script().idle(),
        "api" => journal.script().worker(), after = ["store"],
    }
}

fn registry_of(scenario: &str, journal: &Journal) -> Registry {
    let script = || journal.script();
    let short = millis(300);
    match scenario {
        "serve" => serve(journal),
        "raises" => registry! {
            "store" => Raises,
            "api" => script().idle(), after = ["store"],
        },
        "starts-slowly" => registry! {
            "store" => script().idle(),
            "api" => script().startup(hangs()).idle(), after = ["store"],
            "web" => script().idle(), after = ["api"],
        },
        "delayed" => registry! {
            shutdown_delay = "60s", deadline = "100s",
            "watcher" => Watcher,
            "api" => script().worker(), after = ["watcher"],
        },
        "fails" => registry! {
            "store" => script().drain(fails("cannot flush")).idle(),
            "api" => script().run(yields().then(fails("disk full"))).worker(), after = ["store"],
        },
        "fails-ignored" => registry! {
            "metrics" => script().run(yields().then(fails("no port"))).worker(), on_failure = ignore,
            "api" => script().worker(),
        },
        "blocks-in-startup" => alone(script().startup(blocks()).idle(), short),
        "blocks-in-run" => alone(script().run(blocks()).worker(), short),
        "blocks-in-tick" => alone(script().tick(blocks()).scheduled(millis(1)), short),
        "blocks-in-task" => alone(script().startup(spawns(blocks())).idle(), short),
        "blocks-in-flush" => alone(Plugs::new(), short),
        "blocks-in-drain" => alone(script().drain(blocks()).worker(), short),
        "blocks-in-stop" => alone(script().drain(blocks()).custom(), short),
        "blocks-in-destructor" => alone(Clingy, short),
        "blocks-all" => registry! {
            deadline = "600s",
            "watcher" => Watcher,
            "a" => script().run(blocks()).worker(), stop_timeout = "600s", after = ["watcher"],
            "b" => script().run(blocks()).worker(), stop_timeout = "600s", after = ["watcher"],
            "c" => script().run(blocks()).worker(), stop_timeout = "600s", after = ["watcher"],
        },
        "blocks-beside-others" => registry! {
            deadline = "2s",
            "store" => script().idle(),
            "bad" => script().run(spawns(hangs()).then(takes(millis(20))).then(blocks())).worker(),
                after = ["store"], stop_timeout = "300ms",
            "good" => script().drain(takes(millis(10))).worker(),
        },
        "drains-beside-others" => registry! {
            deadline = "2s",
            "store" => script().idle(),
            "bad" => script().drain(blocks()).worker(), after = ["store"], stop_timeout = "300ms",
            "good" => script().drain(takes(millis(10))).worker(),
        },
        "drains-above-others" => registry! {
            deadline = "2s",
            "store" => script().idle(),
            "bad" => script().drain(blocks()).worker(), after = ["store"], stop_timeout = "300ms",
        },
        "blocks-after-stop" => registry! {
            deadline = "2s",
            "store" => script().idle(),
            "bad" => script().run(yields().then(shuts_down()).then(takes(millis(20))).then(blocks())).worker(),
                after = ["store"], stop_timeout = "300ms",
        },
        "blocks-without-deadline" => registry! {
            deadline = Duration::MAX,
            "store" => script().idle(),
            "bad" => script().run(yields().then(shuts_down()).then(takes(millis(20))).then(blocks())).worker(),
                after = ["store"], stop_timeout = "300ms",
        },
        "blocks-when-ready" => registry! {
            deadline = "2s",
            "store" => script().idle(),
            "bad" => script().run(yields().then(blocks())).worker(), after = ["store"], stop_timeout = "300ms",
        },
        "blocks-standard-error" => alone(Gags, short),
        "waits-for-blocking-code" => alone(Waits { is_polite: false }, short),
        "leaves-blocking-code" => alone(Waits { is_polite: true }, short),
        "hangs" => alone(script().run(hangs()).drain(hangs()).worker(), short),
        "stops-itself" => registry! {
            "api" => script().run(takes(millis(5)).then(shuts_down()).then(until_stopped())).worker(),
        },
        _ => stopping_registry_of(scenario, journal),
    }
}

fn stopping_registry_of(scenario: &str, journal: &Journal) -> Registry {
    let script = || journal.script();
    match scenario {
        "own-handler" => registry! {
            shutdown_delay = "100ms",
            "store" => script().idle(),
            "server" => OwnHandler, after = ["store"],
            "last" => script().idle(), after = ["server"],
        },
        "inner-run" => registry! {
            "store" => script().idle(),
            "tenant" => Tenant(journal.clone()), after = ["store"],
        },
        "busy-at-the-request" => registry! {
            deadline = "4s",
            "first" => Busy(1),
            "second" => Busy(2),
        },
        // Its task fails, which asks for a restart, and its `run` does not let go of its thread.
        "blocks-at-a-restart" => registry! {
            deadline = "4s",
            "bad" => script()
                .run(spawns(takes(millis(50)).then(fails("lost"))).then(takes(millis(5))).then(blocks()))
                .worker(),
                on_failure = restart(backoff = "1ms..2ms", then = ignore), stop_timeout = "200ms",
            "good" => Pulse,
        },
        "drains-block-in-a-row" => registry! {
            deadline = "4s",
            "store" => script().drain(takes(millis(5))).idle(),
            "one" => script().drain(blocks()).idle(), after = ["store"],
            "two" => script().drain(blocks()).idle(), after = ["one"],
        },
        _ => panic!("no scenario is called {scenario}"),
    }
}

/// A service beside one that does as it should.
fn alone(service: impl Service, deadline: Duration) -> Registry {
    registry! {
        deadline = deadline,
        "good" => Quiet,
        "bad" => service, after = ["good"],
    }
}

fn go_on(outcome: Outcome) -> ! {
    println!("goes on with {}", outcome.exit_code());
    drop(outcome);
    // Long enough for a watchdog that was not called off.
    thread::sleep(secs(2));
    exit(7)
}

#[service(idle)]
struct Quiet;

impl Idle for Quiet {}

/// Tells of the request from a thread of its own, whatever the runtime is doing.
struct Watcher;

#[async_trait]
impl Service for Watcher {
    async fn start(&self, cx: &Context) -> Result {
        let handle = cx.handle();
        let told = thread::spawn(move || {
            let runtime = Builder::new_current_thread().build().unwrap();
            println!("asked: {}", runtime.block_on(handle.wait()));
        });
        cx.ready();
        cx.stop_channel().closed().await;
        // The request was made, so this does not wait for more than the line.
        told.join().unwrap();
        Ok(())
    }

    async fn stop(&self, _: &Context) -> Result {
        Ok(())
    }
}

/// Beats for a second and a half from a thread of its own, so that the runtime's timers go on though a thread of it is blocked, and
/// ends the application.
#[service(worker)]
struct Pulse;

impl Worker for Pulse {
    async fn run(&self, cx: &Context) -> Result {
        let (beat, mut beats) = tokio::sync::mpsc::channel(1);
        thread::spawn(move || {
            for _ in 0..150 {
                thread::sleep(millis(10));
                if beat.blocking_send(()).is_err() {
                    break;
                }
            }
        });
        while beats.recv().await.is_some() {}
        println!("enough");
        cx.shutdown();
        cx.stop_channel().await;
        Ok(())
    }
}

/// Keeps a thread of the runtime busy for two seconds, as long as there is one for it, and hangs then.
#[service(worker)]
struct Busy(usize);

impl Worker for Busy {
    async fn run(&self, _: &Context) -> Result {
        tokio::task::yield_now().await;
        if self.0 <= Handle::current().metrics().num_workers() {
            println!("busy");
            thread::sleep(secs(2));
        }
        std::future::pending().await
    }

    async fn drain(&self, _: &Context) -> Result {
        println!("flushed");
        Ok(())
    }
}

/// Listens to SIGTERM itself, as many servers do.
#[service(worker)]
struct OwnHandler;

impl Worker for OwnHandler {
    async fn run(&self, _: &Context) -> Result {
        let mut term = signal(SignalKind::terminate())?;
        println!("server: run");
        term.recv().await;
        println!("server: returns");
        Ok(())
    }

    async fn drain(&self, _: &Context) -> Result {
        println!("server: drained");
        Ok(())
    }
}

/// Runs an application of its own, which hears the same signals.
#[service(worker)]
struct Tenant(Journal);

impl Worker for Tenant {
    async fn run(&self, _: &Context) -> Result {
        let inner = registry! { "inner" => self.0.script().worker() };
        inner.run().await.into_result()?;
        println!("tenant: returns");
        Ok(())
    }
}

/// Sends its own process a signal as the first thing it does.
#[service(idle)]
struct Raises;

impl Idle for Raises {
    async fn startup(&self, _: &Context) -> Result {
        let process = std::process::id().to_string();
        let sent = Command::new("kill").args(["-TERM", &process]).status()?;
        assert!(sent.success());
        println!("raised");
        Ok(())
    }

    async fn drain(&self, _: &Context) -> Result {
        println!("drained");
        Ok(())
    }
}

/// Blocks its thread in its destructor.
#[service(idle)]
struct Clingy;

impl Idle for Clingy {
    async fn startup(&self, _: &Context) -> Result {
        println!("bad: startup");
        Ok(())
    }
}

impl Drop for Clingy {
    fn drop(&mut self) {
        loop {
            thread::park();
        }
    }
}

/// Blocks its thread while nobody else can write to standard error.
#[service(worker)]
struct Gags;

impl Worker for Gags {
    async fn run(&self, _: &Context) -> Result {
        let _held = std::io::stderr().lock();
        println!("bad: blocks");
        loop {
            thread::park();
        }
    }
}

/// Has code on tokio's pool of blocking threads that never returns.
#[service(worker)]
struct Waits {
    is_polite: bool,
}

impl Worker for Waits {
    async fn run(&self, cx: &Context) -> Result {
        let blocked = tokio::task::spawn_blocking(|| {
            println!("bad: blocks");
            loop {
                thread::park();
            }
        });
        tokio::select! {
            () = cx.stop_channel(), if self.is_polite => Ok(()),
            result = blocked => result?,
        }
    }
}

/// Blocks its thread in the flush of the first of three items.
#[service(queue(size = 1, interval = "1s"))]
struct Plugs {
    intake: Intake<u8>,
}

impl Plugs {
    fn new() -> Self {
        let intake = Intake::bounded(3);
        for item in 0..3 {
            intake.try_send(item).unwrap();
        }
        Self { intake }
    }
}

impl Queue for Plugs {
    type Item = u8;

    fn intake(&self) -> &Intake<u8> {
        &self.intake
    }

    async fn flush(&self, _: &[u8], _: &Context) -> Result {
        println!("bad: flush");
        loop {
            thread::park();
        }
    }
}
