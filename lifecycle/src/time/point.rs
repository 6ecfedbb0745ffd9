//! A point of a schedule: what a tick that begins by itself is for.

use std::time::SystemTime;

use super::moment::Moment;

/// The point that a tick is for, and how many before it have none of their own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Point {
    pub(crate) due: Moment,
    /// What the wall clock shows then, if the schedule goes by it.
    pub(crate) time: Option<SystemTime>,
    pub(crate) missed: u64,
}
