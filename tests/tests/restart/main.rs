//! Services that are restarted: by their policy, with what they depend on, by hand; with the paused clock.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod budget;
mod by_hand;
mod causes;
mod crowd;
mod nested;
mod outcome;
mod permanent;
mod queues;
mod runs;
mod shapes;
mod states;
mod supervision;
mod together;
mod values;
