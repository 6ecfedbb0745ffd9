//! The end of the runtime after a [`run`](crate::Registry::run), kept short: it waits for every
//! thread that a service has left blocked, be it only for a line of standard input.
//!
//! A task that does nothing is left on the runtime; its destructor tells that the runtime ends. A
//! thread then looks whether that end is held up, and only then ends the process, with the exit code
//! of the outcome. What it may go by is in [`is_held_up`]; where that leaves a doubt the
//! process is left alone. Other systems than Linux tell nothing, so there it always is.

use std::future::pending;
use std::io::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::runtime::{Handle as Runtime, RuntimeFlavor};
use tokio::task::AbortHandle;

use crate::report::outcome::Outcome;
use crate::run::threads::{Thread, Threads};

/// How long the end of the runtime may take.
const LEAVE: Duration = Duration::from_secs(1);

/// How long a thread is watched for any sign of life.
const CLOCK_CHECK: Duration = Duration::from_millis(100);

/// How often the watcher looks. A machine that stands still makes the waiting thread look alive, so
/// once is not enough; after these the program evidently goes on.
const LOOKS: usize = 20;

/// How long printing the report may take: the code that blocks may hold standard error.
const REPORT: Duration = Duration::from_secs(3);

/// Names that tokio gives the threads of its pool by default, as far as the system keeps them.
const POOL: [&str; 2] = ["tokio-rt-worker", "tokio-runtime-w"];

/// How many runs are up in this process.
static UP: AtomicUsize = AtomicUsize::new(0);

/// Of the last run that has ended: one task is left behind, however many runs there are.
static LAST: Mutex<Option<Last>> = Mutex::new(None);

struct Last {
    ending: Arc<Ending>,
    /// None until it is spawned.
    task: Option<AbortHandle>,
}

/// Counts a run as being up for as long as it lives.
#[derive(Debug)]
pub(crate) struct Up(());

impl Up {
    pub(crate) fn new() -> Self {
        UP.fetch_add(1, Ordering::Relaxed);
        Self(())
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        UP.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The end that is to come, of the runtime a run was on.
struct Ending {
    outcome: Outcome,
    flavor: RuntimeFlavor,
    /// When the run was over.
    threads: Threads,
    /// The thread that has polled the run to its end.
    ran_on: Option<(Thread, thread::Thread)>,
}

/// From now on the end of this runtime is bounded.
pub(crate) fn bound(outcome: &Outcome) {
    let Ok(runtime) = Runtime::try_current() else {
        return;
    };
    let Some(thread) = Thread::current() else {
        return;
    };
    let ending = Arc::new(Ending {
        outcome: outcome.clone(),
        flavor: runtime.runtime_flavor(),
        threads: Thread::all(),
        ran_on: Some((thread, thread::current())),
    });
    let earlier = last().replace(Last {
        ending: ending.clone(),
        task: None,
    });
    if let Some(task) = earlier.and_then(|earlier| earlier.task) {
        task.abort();
    }
    let guard = Guard(ending.clone());
    let task = runtime.spawn(async move {
        let _guard = guard;
        pending::<()>().await;
    });
    let mut last = last();
    match &mut *last {
        Some(last) if Arc::ptr_eq(&last.ending, &ending) => last.task = Some(task.abort_handle()),
        // Another run has ended since.
        _ => task.abort(),
    }
}

fn last() -> MutexGuard<'static, Option<Last>> {
    LAST.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Owned by the task: dropped when the runtime ends, or when another run has taken over.
struct Guard(Arc<Ending>);

impl Drop for Guard {
    fn drop(&mut self) {
        let is_ours = |last: &mut Last| Arc::ptr_eq(&last.ending, &self.0);
        if last().take_if(is_ours).is_none() {
            return;
        }
        let ending = self.0.clone();
        let Some(here) = Thread::current() else {
            return;
        };
        // A worker is gone before the watcher looks.
        let (name, handle) = (here.name(), thread::current());
        // Without a thread the end is not bounded; there is nothing else to do about it.
        let _ = thread::Builder::new()
            .name("lifecycle-watchdog".to_owned())
            .spawn(move || ending.watch(name, (here, handle)));
    }
}

impl Ending {
    /// The guard was dropped by this thread.
    fn watch(&self, name: Option<String>, dropped_on: (Thread, thread::Thread)) {
        // The tasks of a current-thread runtime are dropped by the thread that drops the runtime,
        // those of another one by a worker, which has the name that the whole pool has.
        let (waiting, pool) = if self.flavor == RuntimeFlavor::CurrentThread {
            (Some(dropped_on), POOL.map(str::to_owned).to_vec())
        } else {
            (self.ran_on.clone(), name.into_iter().collect())
        };
        thread::sleep(LEAVE);
        for _ in 0..LOOKS {
            if !self.is_pool_left(&pool) {
                return;
            }
            if is_held_up(waiting.as_ref()) {
                self.end_process();
            }
            thread::sleep(CLOCK_CHECK);
        }
    }

    /// Whether threads are left that the end of the runtime waits for: threads by the name that the
    /// pool's threads have, of which none polls. Where one does, another runtime is alive, and the
    /// threads may be its own.
    fn is_pool_left(&self, pool: &[String]) -> bool {
        let now = Thread::all();
        let of_pool = || now.iter().filter(|(_, name)| pool.contains(name));
        of_pool().any(|(thread, _)| self.threads.contains_key(thread))
            && !of_pool().any(|(thread, _)| thread.polls())
    }

    fn end_process(&self) -> ! {
        let (said, says) = channel();
        let outcome = self.outcome.clone();
        let speaker = thread::Builder::new().spawn(move || {
            outcome.print_if_unclean();
            let _ = std::io::stderr().flush();
            said.send(())
        });
        if speaker.is_ok() {
            let _ = says.recv_timeout(REPORT);
        }
        std::process::exit(self.outcome.exit_code().into())
    }
}

/// Whether the thread that drops the runtime waits, and for nothing else.
///
/// It waits for another thread, without a time limit, and nothing has woken it in a while: a
/// program that goes on would work, sleep, or wait for a device. What waits in a channel or was
/// parked is woken by our own `unpark` and seen to run. No run of a registry is up, on whatever
/// runtime. What is left is a program that has let go of its runtime without waiting, with a
/// thread left blocked in it, and waits for a lock or inside an older runtime.
fn is_held_up(waiting: Option<&(Thread, thread::Thread)>) -> bool {
    let is_up = || UP.load(Ordering::Relaxed) > 0;
    // A worker that has polled the run is gone; then it is `main` that waits.
    let thread = waiting.filter(|(thread, _)| thread.name().is_some());
    let (thread, handle) =
        thread.map_or((Thread::main(), None), |(id, handle)| (*id, Some(handle)));
    let Some(parked) = thread.parked().filter(|_| !is_up()) else {
        return false;
    };
    if let Some(handle) = handle {
        handle.unpark();
    }
    thread::sleep(CLOCK_CHECK);
    thread.parked() == Some(parked) && !is_up()
}
