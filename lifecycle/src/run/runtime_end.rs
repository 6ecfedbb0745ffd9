//! Bounds the end of the runtime after a [`run`](crate::Registry::run). The runtime waits for every thread
//! that a service has left blocked, even for one that only waits for a line of standard input.
//!
//! A task that does nothing is left on the runtime, and its destructor shows that the runtime ends. A
//! watcher thread then checks whether that end is held up, and only then ends the process, with the exit
//! code of the outcome. The signs are in [`is_held_up`]; where they leave a doubt the process is left
//! alone, and so it is on other systems than Linux, which show no signs.
//!
//! # Invariants
//!
//! [`LAST`] holds the run that ended last, and only its guard starts a watcher: a guard takes `LAST` under
//! the lock, if it is still its own. A run that ends later replaces it under the same lock and aborts the
//! older task, whose guard then finds another run and does nothing. [`UP`] is only a count, read twice by a
//! watcher that then does nothing irrevocable unless it was zero both times, so `Relaxed` is enough.

use std::future::pending;
use std::io::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::{Handle as Runtime, RuntimeFlavor};
use tokio::task::AbortHandle;

use crate::report::outcome::Outcome;
use crate::run::threads::{Thread, Threads};
use crate::shared::mailbox::Mailbox;

/// How long the end of the runtime may take before a watcher checks it.
const END_GRACE: Duration = Duration::from_secs(1);

/// How long a thread is watched for a sign that it runs.
const WATCHED_FOR: Duration = Duration::from_millis(100);

/// How often the watcher checks. A machine that stands still makes a waiting thread look busy, so one
/// check is not enough. After this many the program evidently goes on.
const MAX_CHECKS: usize = 20;

/// How long printing the report may take. The code that blocks may hold standard error.
const REPORT: Duration = Duration::from_secs(3);

/// The default names of tokio's pool threads, cut to the length that the system keeps.
const POOL: [&str; 2] = ["tokio-rt-worker", "tokio-runtime-w"];

/// How many runs are up in this process.
static UP: AtomicUsize = AtomicUsize::new(0);

/// The run that ended last. However many runs there are, only one task is left behind.
static LAST: Mutex<Option<Last>> = Mutex::new(None);

struct Last {
    ending: Arc<Ending>,
    /// `None` until it is spawned.
    task: Option<AbortHandle>,
}

/// Counts a run as up while this lives.
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

/// What the watcher must know of a run that has ended and of its runtime.
struct Ending {
    outcome: Outcome,
    flavor: RuntimeFlavor,
    /// The threads of the process when the run ended.
    threads: Threads,
    /// The thread that polled the run last.
    ran_on: Option<(Thread, thread::Thread)>,
}

/// Bounds the end of the current runtime from now on.
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
        // Another run has ended meanwhile.
        _ => task.abort(),
    }
}

fn last() -> MutexGuard<'static, Option<Last>> {
    LAST.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Owned by the task. Dropped when the runtime ends, or when another run has ended later.
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
        // If this is a worker, it is gone before the watcher can read its name.
        let (name, handle) = (here.name(), thread::current());
        // If no thread can be started, the end of the runtime is not bounded.
        let _ = thread::Builder::new()
            .name("lifecycle-watchdog".to_owned())
            .spawn(move || ending.watch(name, (here, handle)));
    }
}

impl Ending {
    /// The body of the watcher. `dropped_on` is the thread that dropped the guard, `name` its name.
    fn watch(&self, name: Option<String>, dropped_on: (Thread, thread::Thread)) {
        // A current-thread runtime drops its tasks on the thread that drops the runtime. A
        // multi-threaded one drops them on a worker, which has the name of the whole pool.
        let (waiting, pool) = if self.flavor == RuntimeFlavor::CurrentThread {
            (Some(dropped_on), POOL.map(str::to_owned).to_vec())
        } else {
            (self.ran_on.clone(), name.into_iter().collect())
        };
        thread::sleep(END_GRACE);
        for _ in 0..MAX_CHECKS {
            if !self.is_pool_left(&pool) {
                return;
            }
            if is_held_up(waiting.as_ref()) {
                self.end_process();
            }
            thread::sleep(WATCHED_FOR);
        }
    }

    /// Whether pool threads are left that the end of the runtime waits for: threads with the pool's name
    /// that were there when the run ended. If one of that name polls, another runtime is alive, and the
    /// threads may be that one's.
    fn is_pool_left(&self, pool: &[String]) -> bool {
        let now = Thread::all();
        let of_pool = || now.iter().filter(|(_, name)| pool.contains(name));
        of_pool().any(|(thread, _)| self.threads.contains_key(thread))
            && !of_pool().any(|(thread, _)| thread.polls())
    }

    fn end_process(&self) -> ! {
        let printed = Mailbox::new();
        let is_printed = printed.clone();
        let outcome = self.outcome.clone();
        let printing = thread::Builder::new().spawn(move || {
            outcome.print_if_unclean();
            let _ = std::io::stderr().flush();
            printed.send(());
        });
        if printing.is_ok() {
            is_printed.receive(Some(Instant::now() + REPORT));
        }
        std::process::exit(self.outcome.exit_code().into())
    }
}

/// Whether the thread that drops the runtime waits for the runtime's threads.
///
/// The signs: it waits for another thread, without a time limit, and nothing wakes it for a while. A
/// program that goes on would work, sleep, or wait for a device. A thread that is parked, or waits in a
/// channel, would be woken by the `unpark` here and be seen to run. No run of a registry is up, on any
/// runtime. One other program shows the same signs: it has dropped its runtime without waiting, with a
/// thread left blocked in it, and now waits for a lock or inside an older runtime.
fn is_held_up(waiting: Option<&(Thread, thread::Thread)>) -> bool {
    let is_up = || UP.load(Ordering::Relaxed) > 0;
    // If a worker polled the run, that worker is gone, and `main` waits.
    let thread = waiting.filter(|(thread, _)| thread.name().is_some());
    let (thread, handle) =
        thread.map_or((Thread::main(), None), |(id, handle)| (*id, Some(handle)));
    let Some(parked) = thread.parked().filter(|_| !is_up()) else {
        return false;
    };
    if let Some(handle) = handle {
        handle.unpark();
    }
    thread::sleep(WATCHED_FOR);
    thread.parked() == Some(parked) && !is_up()
}
