//! The clock of a life: tokio's, paused. It goes on only where nothing else does, and never past an end of time that
//! matters before the world outside had time of its own: a socket, a thread of the service.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::task::spawn_blocking;
use tokio::time::sleep;

/// How long nothing happens before the clock goes on.
const GRACE: Duration = Duration::from_millis(1);

/// How often it is waited for that nothing happens.
const ROUNDS: u32 = 5;

/// How long the world outside has before an end of time is reached.
const PATIENCE: Duration = Duration::from_secs(3);

/// How often the thread of the runtime was woken.
#[derive(Clone, Default)]
pub(super) struct Clock(Arc<AtomicU64>);

impl Clock {
    pub(super) fn runtime(&self) -> std::io::Result<Runtime> {
        let wakes = self.0.clone();
        Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .on_thread_unpark(move || {
                wakes.fetch_add(1, Ordering::Relaxed);
            })
            .build()
    }

    /// Lets arrive what is on its way from other threads and the system.
    pub(super) async fn settle(&self) {
        for _ in 0..ROUNDS {
            let before = self.0.load(Ordering::Relaxed);
            hold(GRACE).await;
            // One is the end of the wait itself.
            if self.0.load(Ordering::Relaxed) <= before + 1 {
                return;
            }
        }
    }

    /// Awaits the future in steps that grow, and with patience before so much time is over.
    pub(super) async fn within<T>(&self, limit: Duration, future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        let (mut passed, mut step) = (Duration::ZERO, Duration::from_millis(1));
        while passed + step < limit {
            tokio::select! {
                biased;
                output = &mut future => return output,
                () = self.settle() => {}
            }
            tokio::select! {
                biased;
                output = &mut future => return output,
                () = sleep(step) => {}
            }
            passed += step;
            step *= 2;
        }
        tokio::select! {
            biased;
            output = &mut future => return output,
            () = hold(PATIENCE) => {}
        }
        future.await
    }
}

/// Waits in real time, while the clock stands still: tokio lets it go on only while no thread blocks.
async fn hold(time: Duration) {
    let _ = spawn_blocking(move || thread::sleep(time)).await;
}
