//! All of it: only Unix has signals.

use std::fs::File;
use std::process::{Command, exit};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use lifecycle::{
    Context, Idle, Outcome, Reason, Registry, Result, Signal, StartError, Worker, registry, service,
};
use lifecycle_tests::{Journal, millis, secs, shuts_down, takes, until_stopped, yields};
use signal_hook::consts::{SIGHUP, SIGTERM};
use signal_hook::{flag, low_level};
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

pub(super) fn main() -> Outcome {
    let mut arguments = std::env::args().skip(1);
    let (scenario, runtime) = (arguments.next().unwrap(), arguments.next().unwrap());
    let mut builder = match runtime.as_str() {
        "current" => Builder::new_current_thread(),
        "multi" => Builder::new_multi_thread(),
        _ => panic!("no runtime is called {runtime}"),
    };
    let runtime = builder.worker_threads(2).enable_all().build().unwrap();
    let journal = Journal::new().aloud();
    runtime.block_on(play(&scenario, &journal))
}

/// Serves until it is stopped.
fn serve(journal: &Journal) -> Registry {
    registry! {
        "store" => journal.script().idle(),
        "api" => journal.script().worker(), after = ["store"],
    }
}

/// Stops by itself.
fn job(journal: &Journal) -> Registry {
    registry! {
        "job" => journal.script().run(yields().then(shuts_down()).then(until_stopped())).worker(),
    }
}

fn say_reason(outcome: &Outcome) {
    println!("reason: {}", outcome.reason());
}

/// Sends this process signals, one right after the other.
fn raise(signals: &[&str]) {
    let process = std::process::id();
    let kills: Vec<_> = signals
        .iter()
        .map(|signal| format!("kill -{signal} {process}"))
        .collect();
    let sent = Command::new("sh").args(["-c", &kills.join("; ")]).status();
    assert!(sent.unwrap().success());
}

/// Sends the process signals in its run.
#[service(worker)]
struct Raises {
    signals: &'static [&'static str],
}

impl Worker for Raises {
    async fn run(&self, cx: &Context) -> Result {
        raise(self.signals);
        cx.stop_channel().closed().await;
        Ok(())
    }

    async fn drain(&self, _: &Context) -> Result {
        println!("drained");
        Ok(())
    }
}

/// Sends the process a signal while it is stopped for another reason.
#[service(idle)]
struct RaisesInDrain;

impl Idle for RaisesInDrain {
    async fn drain(&self, _: &Context) -> Result {
        // On this very thread: it has come when this returns.
        low_level::raise(SIGTERM)?;
        Ok(())
    }
}

async fn play(scenario: &str, journal: &Journal) -> Outcome {
    match scenario {
        "serve" => {
            let outcome = serve(journal).run().await;
            say_reason(&outcome);
            outcome
        }
        "own-handler" => {
            job(journal).start().stop().await.into_result().unwrap();
            own_phase(signal(SignalKind::terminate()).unwrap()).await
        }
        "own-handler-run" => {
            job(journal).run().await.into_result().unwrap();
            own_phase(signal(SignalKind::terminate()).unwrap()).await
        }
        "own-handler-before" => {
            let mine = signal(SignalKind::terminate()).unwrap();
            job(journal).run().await.into_result().unwrap();
            own_phase(mine).await
        }
        "own-handler-twice" => {
            for _ in 0..3 {
                job(journal).run().await.into_result().unwrap();
            }
            own_phase(signal(SignalKind::terminate()).unwrap()).await
        }
        "own-registry" => {
            job(journal).run().await.into_result().unwrap();
            let mut term = signal(SignalKind::terminate()).unwrap();
            let stop = async move { term.recv().await };
            let outcome = serve(journal).signals(false).stop_on(stop).run().await;
            say_reason(&outcome);
            outcome
        }
        "flag" | "flag-before" => own_flag(journal, scenario == "flag-before").await,
        "nobody" => {
            job(journal).run().await.into_result().unwrap();
            over()
        }
        "nobody-but-others" => {
            // Of other signals, before, during and after.
            flag::register(SIGHUP, Arc::default()).unwrap();
            let _one = signal(SignalKind::user_defined1()).unwrap();
            let running = job(journal).start();
            let child = tokio::process::Command::new("true").status();
            assert!(child.await.unwrap().success());
            running.stop().await.into_result().unwrap();
            let _two = signal(SignalKind::user_defined2()).unwrap();
            over()
        }
        "between" => {
            job(journal).run().await.into_result().unwrap();
            low_level::raise(SIGTERM).unwrap();
            let outcome = serve(journal).run().await;
            say_reason(&outcome);
            outcome
        }
        "reload-races" => reload_races().await,
        "first-process" => first_process(journal).await,
        "descriptors" => descriptors(journal).await,
        "starts-while-another-stops" => starts_while_another_stops(journal).await,
        "reload-loop" => reload_loop(journal).await,
        "raises-int-term" => raises(&["INT", "TERM"]).await,
        "raises-term-int" => raises(&["TERM", "INT"]).await,
        "raises-int-int" => raises(&["INT", "INT"]).await,
        "raises-term-term" => raises(&["TERM", "TERM"]).await,
        "repeats-late" => {
            let outcome = registry! { "a" => Raises { signals: &["INT"] } }
                .run()
                .await;
            low_level::raise(SIGTERM).unwrap();
            // Long enough for it to have ended the process.
            thread::sleep(millis(300));
            println!("alive");
            outcome
        }
        _ => panic!("no scenario is called {scenario}"),
    }
}

async fn raises(signals: &'static [&'static str]) -> Outcome {
    // Still under way when the second has come.
    let slow = Journal::new().aloud();
    let registry = registry! {
        "store" => slow.script().drain(takes(millis(50))).idle(),
        "a" => Raises { signals }, after = ["store"],
    };
    let outcome = registry.run().await;
    say_reason(&outcome);
    outcome
}

async fn own_phase(mut term: tokio::signal::unix::Signal) -> Outcome {
    println!("mine");
    term.recv().await;
    println!("got it");
    // Ours come after theirs.
    thread::sleep(millis(100));
    exit(7)
}

async fn own_flag(journal: &Journal, before: bool) -> Outcome {
    let has_come = Arc::new(AtomicBool::new(false));
    let register = || flag::register(SIGTERM, has_come.clone()).unwrap();
    if before {
        register();
    }
    job(journal).run().await.into_result().unwrap();
    if !before {
        register();
    }
    println!("mine");
    while !has_come.load(Ordering::SeqCst) {
        thread::sleep(millis(1));
    }
    thread::sleep(millis(100));
    exit(7)
}

fn over() -> ! {
    println!("over");
    thread::sleep(secs(60));
    exit(7)
}

/// Of a container: a signal between two runs is for the second.
async fn first_process(journal: &Journal) -> Outcome {
    assert_eq!(std::process::id(), 1);
    job(journal).run().await.into_result().unwrap();
    low_level::raise(SIGTERM).unwrap();
    thread::sleep(millis(300));
    println!("alive");
    let outcome = serve(journal).run().await;
    say_reason(&outcome);
    outcome
}

async fn descriptors(journal: &Journal) -> Outcome {
    let held: Vec<_> = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();
    let refused = serve(journal).start().wait().await;
    let Reason::NotStarted(error) = refused else {
        panic!("started: {refused}");
    };
    assert!(matches!(*error, StartError::Signals(_)), "{error}");
    drop(held);
    println!("refused");
    serve(journal).run().await
}

async fn starts_while_another_stops(journal: &Journal) -> Outcome {
    let (go, going) = tokio::sync::oneshot::channel();
    let first = tokio::spawn(registry! { "first" => Slow::new(going) }.run());
    while !STOPPING.load(Ordering::SeqCst) {
        tokio::time::sleep(millis(1)).await;
    }
    // Longer ago than what could be one request.
    let until = Instant::now() + millis(200);
    tokio::time::sleep_until(until.into()).await;
    let outcome = serve(journal).run().await;
    say_reason(&outcome);
    go.send(()).unwrap();
    first.await.unwrap().into_result().unwrap();
    outcome
}

static STOPPING: AtomicBool = AtomicBool::new(false);

/// Takes until it is told to stop.
#[service(worker)]
struct Slow {
    going: std::sync::Mutex<Option<tokio::sync::oneshot::Receiver<()>>>,
}

impl Slow {
    fn new(going: tokio::sync::oneshot::Receiver<()>) -> Self {
        Self {
            going: std::sync::Mutex::new(Some(going)),
        }
    }
}

impl Worker for Slow {
    async fn run(&self, cx: &Context) -> Result {
        println!("first: run");
        cx.stop_channel().closed().await;
        STOPPING.store(true, Ordering::SeqCst);
        let going = self.going.lock().unwrap().take();
        going.unwrap().await?;
        Ok(())
    }
}

/// Ends only by a signal; each run but the last is stopped by hand.
async fn reload_loop(journal: &Journal) -> Outcome {
    let outcome = registry! { "old" => RaisesInDrain }
        .stop_on(async {})
        .run()
        .await;
    say_reason(&outcome);
    assert_eq!(outcome.signal(), Some(Signal::TERMINATE));
    let outcome = serve(journal).run().await;
    say_reason(&outcome);
    assert_eq!(outcome.signal(), Some(Signal::TERMINATE));
    // It was for one run.
    let third = serve(journal).start();
    third.await_healthy().await.unwrap();
    say_reason(&third.stop().await);
    outcome
}

/// Each run is stopped by hand, about when a signal comes: it is heard by that run or by the next.
async fn reload_races() -> Outcome {
    let idle = || registry! { "a" => Journal::new().script().drain(takes(millis(1))).idle() };
    for seed in 0..15_u64 {
        // A signal of the last round would make this one a repetition.
        thread::sleep(millis(160));
        let (first, second) = (seed * 7919 % 40, seed * 104_729 % 40);
        let running = idle().start();
        let raiser = thread::spawn(move || {
            thread::sleep(Duration::from_micros(100 * first));
            low_level::raise(SIGTERM).unwrap();
        });
        tokio::time::sleep(Duration::from_micros(60 * second)).await;
        let outcome = running.stop().await;
        raiser.join().unwrap();
        if !matches!(outcome.reason(), Reason::Signal(_)) {
            let next = idle().run().await;
            assert!(matches!(next.reason(), Reason::Signal(_)), "{next}");
        }
    }
    println!("none is lost");
    idle().stop_on(async {}).run().await
}
