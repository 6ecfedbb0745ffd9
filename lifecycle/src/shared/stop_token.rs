//! The stop channel as a `CancellationToken`, for code that takes one.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

use crate::panics;
use crate::shared::latch::Latch;

/// The parent of every token that was given out; `None` before the first. A child that is dropped removes
/// itself from its parent.
///
/// # Invariants
///
/// The latch is closed before [`cancel`](Self::cancel) takes the lock, and [`child`](Self::child) reads the
/// latch under the lock. So either `cancel` finds the parent of the new token, or `child` sees the latch
/// closed. The parent is cancelled after the lock is released, because that wakes tasks, which is user code.
#[derive(Debug, Default)]
pub(crate) struct StopToken(Mutex<Option<CancellationToken>>);

impl StopToken {
    /// A new token, which is cancelled when `stop` closes.
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

    /// Cancels all tokens. Callers must have closed the latch before.
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
