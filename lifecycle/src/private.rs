//! The items that the macros' expansions name. No part of the public interface: any release may change
//! them.

pub use lifecycle_macros::{__registry as registry, RegistryCheck};

pub use crate::registry::{Assembly, AssemblyEntry, assembly};
pub use crate::retry::Retry;
pub use crate::shape::{
    AttemptsUsedUp, BrokenShape, CatchUpShape, Declared, Idle, IdleService, IdleShape, Oneshot,
    OneshotService, OneshotShape, Overflow, Queue, QueueService, QueueShape, Scheduled,
    ScheduledService, ScheduledShape, Server, ServerService, ServerShape, Worker, WorkerService,
    WorkerShape,
};
#[cfg(feature = "cron")]
pub use crate::shape::{CatchUpCronShape, CronService, CronShape, Written, text};
pub use crate::time::{First, Missed, OnError, OnPanic, Plan, ScheduleKind};
