//! What every store owes, for tests of a store of one's own.
//!
//! Each function panics with the name of the case that does not hold. `open` is called for each replica that a case
//! needs, and gives what such a replica would have: a store with a connection of its own. All are to be the same
//! store. The names that are used begin with `lifecycle-contract/` and a random number, so nothing else is touched,
//! and a store may be tested again and again.
//!
//! The cases wait for terms of some hundred milliseconds by tokio's clock, paused or not; a store with a clock of its
//! own needs the real one. All of them together take some three seconds.
//!
//! ```
//! use std::sync::Arc;
//! use lifecycle::testing::{InMemoryStore, stores};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?.block_on(async {
//! let store = InMemoryStore::new();
//! stores::leases(|| Arc::new(store.clone())).await;
//! stores::memory(|| Arc::new(store.clone())).await;
//! # });
//! # Ok::<(), lifecycle::BoxError>(())
//! ```

mod leases;
mod memory;

pub use self::leases::leases;
pub use self::memory::memory;

/// Names that no other test uses.
struct Names(u64);

impl Names {
    fn new() -> Self {
        Self(fastrand::u64(..))
    }

    fn of(&self, case: &str) -> String {
        format!("lifecycle-contract/{:016x}/{case}", self.0)
    }
}

/// What a store answered in this case.
#[track_caller]
fn answer<T>(case: &str, answer: Result<T, crate::report::error::BoxError>) -> T {
    match answer {
        Ok(answer) => answer,
        Err(error) => {
            let told = crate::report::error::chain(&*error);
            panic!("`{case}`: the store failed: {told}")
        }
    }
}
