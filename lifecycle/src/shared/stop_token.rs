//! The stop channel as a `CancellationToken`, for code that takes one.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

use crate::panics;
use crate::shared::latch::Latch;

/// The parent of every token that was asked for; none before the first. A child that is dropped leaves
/// its parent by itself.
///
/// # Invariants
///
/// The latch is closed before [`cancel`](Self::cancel) takes the lock, and [`child`](Self::child) looks at it
/// under the lock. So a token is made of a parent that `cancel` finds, or its maker sees the latch closed.
/// The parent is cancelled after the lock is released, since that calls the wakers of those who wait.
#[derive(Debug, Default)]
pub(crate) struct StopToken(Mutex<Option<CancellationToken>>);

impl StopToken {
    /// One more token, which is cancelled once `stop` is closed.
    pub(crate) fn child(&self, stop: &Latch) -> CancellationToken {
        let mut parent = self.lock();
        if !stop.is_closed() {
            return parent.get_or_insert_default().child_token();
        }
        drop(parent);
        let token = CancellationToken::new();
        token.cancel();
        token
    }

    /// The latch is closed by now.
    pub(crate) fn cancel(&self) {
        let parent = self.lock().take();
        if let Some(parent) = parent {
            let _ = panics::catch(|| parent.cancel());
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<CancellationToken>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
