//! Services that start in order, run as long as the application and stop gracefully.

mod cell;
mod contain;
mod context;
mod core;
mod engine;
mod error;
mod gate;
mod handle;
mod name;
mod outcome;
mod reason;
mod registry;
mod rules;
mod runner;
mod running;
mod schedule;
mod service;
mod shape;
mod signals;
mod status;
mod supervisor;
mod tasks;
mod watchdog;

#[cfg(feature = "test-util")]
pub mod testing;

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;

pub use async_trait::async_trait;

pub use crate::context::{Context, StopChannel};
pub use crate::error::{BoxError, Error, Fault, Result, ScheduleError, ServiceError, StartError};
pub use crate::handle::{Handle, Transitions};
pub use crate::name::Name;
pub use crate::outcome::{Laggard, Outcome, UncleanStop};
pub use crate::reason::{Cause, Reason, Signal};
pub use crate::registry::{Builder, OnFailure, Problem, Registry, RegistryError};
pub use crate::running::Running;
pub use crate::service::Service;
pub use crate::shape::{Idle, Oneshot, Scheduled, Worker};
pub use crate::status::{Phase, ServiceStatus, Shape, State, Transition};
