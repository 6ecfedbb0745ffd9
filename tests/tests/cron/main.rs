//! Schedules by cron expression: when ticks begin by the wall clock, what becomes of times that are missed, and of clocks that
//! are changed. On a paused clock, whose instants are exact.
#![cfg(feature = "cron")]

mod clocks;
mod fields;
mod history;
mod instants;
mod missed;
mod oracle;
mod pause;
mod stop;
mod tick;
mod zones;
