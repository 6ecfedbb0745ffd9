//! Starting a registry in a test, and what can be seen of it from outside.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use lifecycle::{Handle, Registry, Running, State, Transition, Transitions};
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

/// So many seconds.
#[must_use]
pub const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// So many milliseconds.
#[must_use]
pub const fn millis(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// Runs the test on a clock of its own, which stands still while there is something to do.
///
/// # Panics
///
/// When the test does, or waits for more than a year.
pub fn paused<T>(test: impl Future<Output = T>) -> T {
    Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap()
        .block_on(async { timeout(secs(365 * 86_400), test).await.unwrap() })
}

/// A runtime on the clock of the machine with so many threads of its own; with none it runs on the test's.
///
/// # Panics
///
/// When the machine has none left.
#[must_use]
pub fn threads(count: usize) -> Runtime {
    let mut builder = match count {
        0 => Builder::new_current_thread(),
        _ => Builder::new_multi_thread(),
    };
    let builder = builder.worker_threads(count.max(1));
    builder.enable_all().build().unwrap()
}

/// Starts the registry deaf to signals: those are meant for the test program.
pub fn start(registry: Registry) -> Running {
    registry.signals(false).start()
}

/// The state of each service, as text: `store: running`.
#[must_use]
pub fn states(handle: &Handle) -> Vec<String> {
    handle
        .states()
        .iter()
        .map(|status| format!("{}: {}", status.name, status.state))
        .collect()
}

/// The state of one service.
///
/// # Panics
///
/// When there is no such service.
#[must_use]
pub fn state_of(handle: &Handle, service: &str) -> State {
    let mut all = handle.states().into_iter();
    let found = all.find(|status| status.name == *service);
    found.expect("the service is registered").state
}

/// Counts those of its kind that are there.
#[derive(Debug)]
pub struct Alive(Arc<AtomicUsize>);

impl Alive {
    /// One more.
    #[must_use]
    pub fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count.clone())
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Every move of every service, from the subscription to the end of the run.
#[derive(Debug)]
pub struct Moves(Transitions);

impl Moves {
    /// Subscribes.
    #[must_use]
    pub fn watch(handle: &Handle) -> Self {
        Self(handle.subscribe())
    }

    /// Waits for the end of the run; all moves.
    pub async fn collect(mut self) -> Vec<Transition> {
        let mut moves = Vec::new();
        while let Some(transition) = self.0.recv().await {
            moves.push(transition);
        }
        moves
    }

    /// Waits for the end of the run; the moves as text: `store: new -> waiting`.
    pub async fn all(self) -> Vec<String> {
        let moves = self.collect().await;
        moves.iter().map(ToString::to_string).collect()
    }

    /// Waits for the end of the run; the states one service came to.
    pub async fn of(self, service: &str) -> Vec<State> {
        let moves = self.collect().await;
        let of_it = moves
            .iter()
            .filter(|transition| transition.name == *service);
        of_it.map(|transition| transition.to).collect()
    }
}
