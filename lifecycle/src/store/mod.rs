//! What remembers over the end of a process, and over all replicas of an application: who holds a lease, and which
//! point of a schedule ran last.

mod file;
mod leases;
mod memory;

use std::fmt;
use std::sync::Arc;

pub use self::file::FileMemory;
pub use self::leases::{Grant, Leases};
pub use self::memory::{Memory, Remembered};
pub use crate::report::point::Point;

/// A store of whatever type, in a struct that is shown.
pub(crate) struct Opaque<S: ?Sized>(pub(crate) Arc<S>);

impl<S: ?Sized> Clone for Opaque<S> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<S: ?Sized> fmt::Debug for Opaque<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("..")
    }
}
