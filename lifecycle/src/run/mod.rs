//! Carries a run out: the supervisor, the services' tasks, signals, the watchdog, the outcome.

pub(crate) mod conclude;
pub(crate) mod inside;
pub(crate) mod leases;
pub(crate) mod members;
pub(crate) mod plan;
#[cfg(test)]
mod queue_tests;
mod runner;
pub(crate) mod running;
pub(crate) mod runtime_end;
pub(crate) mod service_task;
pub(crate) mod signals;
pub(crate) mod supervisor;
#[cfg(all(feature = "systemd", target_os = "linux"))]
mod systemd;
#[cfg(not(all(feature = "systemd", target_os = "linux")))]
#[path = "systemd_none.rs"]
mod systemd;
#[cfg(test)]
mod tests;
mod threads;
pub(crate) mod unstarted;
pub(crate) mod watchdog;
