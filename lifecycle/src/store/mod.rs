//! What remembers over the end of a process, and over all replicas of an application: who holds a lease, and which
//! point of a schedule ran last.

mod leases;
mod memory;

pub use self::leases::{Grant, Leases};
pub use self::memory::{Memory, Point, Remembered};
