//! A program that holds what a run returns, or leaves threads blocked: `held <scenario> <runtime>`, run by `tests/held.rs`.

use std::process::{ExitCode, Termination, exit};
use std::sync::{Mutex, mpsc};
use std::thread;
use std::time::Instant;

use lifecycle::{Context, Outcome, Registry, Result, Worker, registry, service};
use lifecycle_tests::{
    Journal, fails, hangs, millis, secs, shuts_down, takes, until_stopped, yields,
};
use tokio::io::AsyncReadExt;
use tokio::runtime::{Builder, Runtime};

/// What a `main` may return.
enum Returns {
    Nothing,
    Outcome(Outcome),
}

impl Termination for Returns {
    fn report(self) -> ExitCode {
        match self {
            Self::Nothing => ExitCode::SUCCESS,
            Self::Outcome(outcome) => outcome.report(),
        }
    }
}

fn main() -> Returns {
    let mut arguments = std::env::args().skip(1);
    let (scenario, name) = (arguments.next().unwrap(), arguments.next().unwrap());
    let runtime = runtime(&name);
    if let Some(scenario) = scenario.strip_prefix("manual-") {
        manual(scenario, runtime, &name);
    }
    runtime.block_on(play(&scenario))
}

fn runtime(name: &str) -> Runtime {
    let mut builder = match name {
        "current" => Builder::new_current_thread(),
        "multi" => Builder::new_multi_thread(),
        _ => panic!("no runtime is called {name}"),
    };
    builder.worker_threads(2).enable_all().build().unwrap()
}

/// Longer than any watchdog here could mean it.
const WORK: u64 = 2;

/// Other work after the stop.
fn go_on() -> ! {
    println!("goes on");
    thread::sleep(secs(WORK));
    exit(7)
}

/// Stops by itself.
fn job() -> Registry {
    registry! {
        deadline = "300ms",
        "job" => Journal::new().script().run(yields().then(shuts_down()).then(until_stopped())).worker(),
    }
}

/// Stops by itself, and fails.
fn failing() -> Registry {
    registry! {
        deadline = "300ms",
        "job" => Journal::new().script().run(yields().then(fails("disk full"))).worker(),
    }
}

/// Stops by itself, much later.
fn server() -> Registry {
    let journal = Journal::new().aloud();
    registry! {
        deadline = "300ms",
        "server" => journal.script().run(takes(secs(WORK)).then(shuts_down()).then(until_stopped())).worker(),
    }
}

/// Stops by itself, while it reads from standard input.
fn reader(fails: bool) -> Registry {
    registry! { deadline = "300ms", "reader" => Reads { fails } }
}

static KEPT: Mutex<Option<Outcome>> = Mutex::new(None);

async fn play(scenario: &str) -> Returns {
    match scenario {
        "outcome" => {
            let _outcome = job().run().await;
            go_on()
        }
        "clone" => {
            *KEPT.lock().unwrap() = Some(job().run().await.clone());
            go_on()
        }
        "error" => {
            let _error = failing().run().await.into_result().unwrap_err();
            go_on()
        }
        "late" => {
            let hung = registry! {
                deadline = "300ms",
                "a" => Journal::new().script().run(yields().then(shuts_down()).then(hangs())).worker(),
            };
            let _outcome = hung.run().await;
            go_on()
        }
        "join" => {
            let (job, server) = tokio::join!(job().run(), server().run());
            job.into_result().unwrap();
            Returns::Outcome(server)
        }
        "handle" => {
            let job = tokio::spawn(job().run());
            let server = server().run().await;
            job.await.unwrap().into_result().unwrap();
            Returns::Outcome(server)
        }
        "blocks-a-worker" => {
            // Of one that was given up; the others go on.
            let _outcome = blocking().run().await;
            go_on()
        }
        "reads" => Returns::Outcome(reader(false).run().await),
        "reads-spawned" => Returns::Outcome(tokio::spawn(reader(false).run()).await.unwrap()),
        "reads-outside" => {
            tokio::spawn(read());
            Returns::Outcome(job().run().await)
        }
        "reads-and-fails" => Returns::Outcome(reader(true).run().await),
        "reads-last" => {
            for _ in 0..3 {
                let _ = job().run().await;
            }
            Returns::Outcome(reader(false).run().await)
        }
        "reads-dropped" => {
            drop(reader(false).run().await);
            Returns::Nothing
        }
        "reads-exits" => {
            reader(false).run().await.into_result().unwrap();
            exit(3)
        }
        _ => panic!("no scenario is called {scenario}"),
    }
}

/// Blocks a thread of the runtime for good.
fn blocking() -> Registry {
    registry! {
        deadline = "300ms",
        "good" => Journal::new().script().idle(),
        "bad" => Journal::new().script().run(yields().then(shuts_down()).then(lifecycle_tests::blocks())).worker(),
            after = ["good"], stop_timeout = "100ms",
    }
}

/// A runtime that ends in time, and a program that goes on with work that is not asynchronous.
fn manual(scenario: &str, runtime: Runtime, name: &str) -> ! {
    let older = self::runtime(name);
    match scenario {
        "drop" | "other-runtime" => {
            runtime.block_on(job().run()).into_result().unwrap();
            drop(runtime);
        }
        "timeout" => {
            runtime.block_on(reader(false).run()).into_result().unwrap();
            runtime.shutdown_timeout(millis(10));
        }
        _ => {
            runtime.block_on(reader(false).run()).into_result().unwrap();
            runtime.shutdown_background();
        }
    }
    println!("goes on");
    match scenario {
        "channel" => {
            let (sender, receiver) = mpsc::channel();
            thread::spawn(move || {
                thread::sleep(secs(WORK));
                sender.send(()).unwrap();
            });
            receiver.recv().unwrap();
        }
        "join" => thread::spawn(|| thread::sleep(secs(WORK))).join().unwrap(),
        "park" => {
            let until = Instant::now() + secs(WORK);
            let main = thread::current();
            thread::spawn(move || {
                thread::sleep(secs(WORK));
                main.unpark();
            });
            while Instant::now() < until {
                thread::park();
            }
        }
        "busy" => {
            let until = Instant::now() + secs(WORK);
            while Instant::now() < until {}
        }
        "other-runtime" => older.block_on(takes_time()),
        "new-runtime" => self::runtime(name).block_on(takes_time()),
        _ => thread::sleep(secs(WORK)),
    }
    exit(7)
}

async fn takes_time() {
    tokio::time::sleep(secs(WORK)).await;
}

/// Reads standard input until it is stopped, as tokio does: on a thread that nothing can wake.
#[service(worker)]
struct Reads {
    fails: bool,
}

impl Worker for Reads {
    async fn run(&self, cx: &Context) -> Result {
        let reading = read();
        tokio::pin!(reading);
        // The read has begun when the runtime has had time for other things.
        tokio::select! {
            () = &mut reading => {}
            () = tokio::time::sleep(millis(20)) => cx.shutdown(),
        }
        tokio::select! {
            () = &mut reading => {}
            () = cx.stop_channel() => {}
        }
        if self.fails {
            return Err("no input".into());
        }
        Ok(())
    }
}

async fn read() {
    let mut byte = [0];
    let _ = tokio::io::stdin().read(&mut byte).await;
}
