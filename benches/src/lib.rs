//! `lifecycle` measured beside what people would use in its place.
//!
//! [`work`] says what the services do and [`order`] who waits for whom; [`contender`] is how each library
//! is made to run them, as its own documentation recommends.
//!
//! [`compare`] takes each measurement in a process of its own, which is [`sample`]. What `paused` runs (the
//! feature `count`) is counted instruction by instruction, and `guard` compares the figures with those that
//! are kept. `growth` (the feature `growth`) draws how cost grows with the number of services. [`program`] is what a user's program looks like, whose build is measured.

pub mod compare;
pub mod contender;
#[cfg(feature = "growth")]
pub mod growth;
#[cfg(feature = "count")]
pub mod guard;
pub mod order;
#[cfg(feature = "count")]
pub mod paused;
pub mod program;
pub mod sample;
pub mod work;
