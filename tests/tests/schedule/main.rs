//! Schedules: when ticks begin, what ends them, who may ask for one, and what can be seen of it all. On a paused clock, whose
//! instants are exact.

mod askers;
mod circles;
mod facts;
mod history;
mod instants;
mod missed;
mod oracle;
mod panicking;
mod pause;
mod reloads;
mod rules;
mod stop;
mod tick;
mod timers;
mod trigger;
