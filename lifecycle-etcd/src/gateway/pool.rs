//! The connections that are kept for the next requests.
//!
//! # Invariants
//!
//! The lock is held for look-ups only. A connection is in the pool or with the one request that it carries; a request that is dropped drops it
//! too, so no answer is read by another's request.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::connection::Connection;

/// How many are kept.
const KEPT: usize = 4;

/// Each with the number of its endpoint.
#[derive(Default)]
pub(super) struct Pool(Mutex<Vec<(usize, Connection)>>);

impl Pool {
    /// One to this endpoint that is open, as far as is known.
    pub(super) async fn take(&self, number: usize) -> Option<Connection> {
        loop {
            let mut connection = {
                let mut kept = self.lock();
                let place = kept.iter().position(|(of, _)| *of == number)?;
                kept.swap_remove(place).1
            };
            if connection.is_open().await {
                return Some(connection);
            }
        }
    }

    /// Those to other endpoints have been left: they make room.
    pub(super) fn put(&self, number: usize, connection: Connection) {
        let mut kept = self.lock();
        kept.retain(|(of, _)| *of == number);
        if kept.len() < KEPT {
            kept.push((number, connection));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(usize, Connection)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
