//! When ticks are due, as arithmetic: what the attribute says and what the service's fields say go
//! in, the instant of the next tick comes out. No timer, and no clock but the one passed in.

mod plan;
mod timeline;

pub(crate) use self::plan::Timing;
pub use self::plan::{First, Kind, Missed, OnError, Plan};
pub(crate) use self::timeline::Timeline;
