//! What the behaviour tests share: services that follow a script, the journal they write, and the log.
//!
//! A test registers scripted services as a program registers its own, lets the paused clock run, and then reads from the
//! journal what happened and at which instant.

#[cfg(feature = "cron")]
pub mod cron;
mod journal;
mod log;
#[cfg(unix)]
mod program;
pub mod queue;
pub mod schedule;
mod script;
mod services;
mod trace;
mod watch;

pub use journal::{End, Entry, Journal};
pub use log::Log;
#[cfg(unix)]
pub use program::{Ended, Program, on_each};
pub use script::{
    Act, Hook, awaits_healthy, blocks, degrades, fails, hangs, hush, nothing, panics, recovers,
    shuts_down, spawns, takes, until_requested, until_stopped, yields,
};
pub use services::{
    BackgroundScript, CustomScript, IdleScript, OneshotScript, Plain, RestingScript,
    ScheduledScript, Script, WorkerScript,
};
pub use trace::{Knobs, Tick, Trace};
pub use watch::{Alive, Moves, millis, paused, secs, start, state_of, states, threads};

/// The README's programs compile. Here, and not in the library, because the package of the library
/// does not hold what stands outside its folder.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
