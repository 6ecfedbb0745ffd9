//! `lifecycle` measured beside what people would use in its place.
//!
//! [`work`] says what the services do and [`order`] who waits for whom; [`contender`] is how each library
//! is made to run them, as its own documentation recommends. [`sample`] takes one measurement in a process
//! of its own; what [`paused`] runs is counted instruction by instruction, and [`guard`] keeps the figures.

pub mod contender;
#[cfg(feature = "count")]
pub mod guard;
pub mod order;
#[cfg(feature = "count")]
pub mod paused;
pub mod sample;
pub mod work;
