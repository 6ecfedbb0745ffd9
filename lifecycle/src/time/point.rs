//! A point of a schedule: what a tick that begins by itself is for.

use std::time::SystemTime;

use tokio::time::Instant;

/// The point that a tick is for, and how many before it have none of their own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Point {
    pub(crate) due: Instant,
    /// What the wall clock shows then, if the schedule goes by it.
    pub(crate) time: Option<SystemTime>,
    pub(crate) missed: u64,
}
