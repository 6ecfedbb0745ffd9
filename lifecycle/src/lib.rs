//! Services that start in order, run as long as the application and stop gracefully.
//!
//! A *service* is a component with a life of its own: it starts, runs as long as the application,
//! and stops. Put [`#[service(..)]`](macro@service) on its struct to give it a shape, implement the
//! shape's hooks, and name it in a [`registry!`]. The rest is done for you: start in dependency
//! order, tickers, stop channels, signals, a stop in reverse order that is bounded and ends with a
//! flush, and an exit code.
//!
//! ```no_run
//! use std::time::Duration;
//! use lifecycle::{Context, Idle, Result, Scheduled, registry, service};
//!
//! #[service(idle)]
//! struct Store;
//!
//! impl Idle for Store {
//!     async fn startup(&self, _: &Context) -> Result {
//!         open_database().await
//!     }
//! }
//!
//! #[service(scheduled(interval = "every"))]
//! struct Collector { every: Duration }
//!
//! impl Scheduled for Collector {
//!     async fn tick(&self, _: &Context) -> Result { delete_expired_rows().await }
//!     async fn drain(&self, _: &Context) -> Result { delete_expired_rows().await }
//! }
//!
//! #[tokio::main]
//! async fn main() -> lifecycle::Outcome {
//!     registry! {
//!         "store" => Store,
//!         "collector" => Collector { every: Duration::from_secs(60) }, after = ["store"],
//!     }
//!     .run()
//!     .await
//! }
//! # async fn open_database() -> Result { Ok(()) }
//! # async fn delete_expired_rows() -> Result { Ok(()) }
//! ```
//!
//! # Shapes
//!
//! | attribute | hooks | required |
//! |---|---|---|
//! | `#[service(idle)]` | [`Idle`]: `startup`, `drain` | none |
//! | `#[service(scheduled(interval = ..))]`, or `delay`, or `cron` | [`Scheduled`]: `startup`, `tick`, `drain` | `tick` |
//! | `#[service(queue(size = .., interval = ..))]` | [`Queue`]: `startup`, `intake`, `flush`, `drain` | `intake`, `flush` |
//! | `#[service(worker)]` | [`Worker`]: `startup`, `run`, `drain` | `run` |
//! | `#[service(server)]` | [`Server`]: `bind`, `serve`, `drain` | `bind`, `serve` |
//! | `#[service(oneshot)]` | [`Oneshot`]: `run` | `run` |
//!
//! The options of a schedule and of a queue, and startups that are tried again: see
//! [`#[service(..)]`](macro@service#arguments).
//!
//! Every shape also has the hook `reload`, for [`Handle::reload`]. What fits none of them implements [`Service`]
//! by hand. Every hook gets a [`Context`].
//!
//! # What is promised
//!
//! - **Start.** Services start together, dependents once their dependencies are running. A failure
//!   before that fails the dependents with both names, and nothing of theirs runs; those that only
//!   `wants` it go on without it. A service that fails at once never shows as running.
//! - **Run.** Ticks never overlap; missed ones collapse into one. An `Err` of a tick is logged and
//!   counted; a panic anywhere is caught and is the service's failure, message kept (but for a tick with
//!   `on_panic = continue`, whose panic counts as an error).
//! - **Restart.** Under [`OnFailure::Restart`] what fails after it was up is drained and started again, after waits that
//!   grow, and as often as its policy allows. Readiness is false meanwhile; a service that recovered leaves the exit
//!   code 0. See [the guide](guide::restarts).
//! - **One replica.** Under `replicas = one` a service runs on one of all replicas, under a lease; the others are on
//!   [standby](State::Standby). See [the guide](guide::one_replica).
//! - **Stop.** On SIGINT, SIGTERM, a failure, [`shutdown()`](Handle::shutdown), or the end of all
//!   services. Readiness turns false first; then dependents stop before their dependencies, each
//!   with its stop channel closed, its loop ended and its `drain` run, in that order and never
//!   beside each other. One absolute [deadline](Registry::deadline) bounds the whole. What is late
//!   is dropped and named in the [`Outcome`]; the others are not disturbed.
//! - **Exit.** 0 for a clean stop, 1 after a failure or a laggard, 128 plus its number when a second
//!   signal ends the process. See [`Registry::signals`] for what a signal does between and after runs.
//!
//! # Guide
//!
//! [The guide](guide) has a page for each task, with the code and what can go wrong: state, servers, configuration,
//! restarts, groups, Kubernetes, systemd and more; and [every message](guide::troubleshooting) with its cause and its
//! cure. What you can build on is told in [stability](guide::stability).
//!
//! # The log
//!
//! What happens is told through [`tracing`](https://crates.io/crates/tracing): every move of a
//! service, a tick that fails, a retry. Without a subscriber it is lost, and a tick that always
//! fails is silent. One line at the beginning of `main` (of the crate `tracing-subscriber`) is
//! enough:
//!
//! ```ignore
//! tracing_subscriber::fmt().with_writer(std::io::stderr).init();
//! ```
//!
//! The same is there as data, with the end of every tick and flush: [`Registry::on_event`] hands each
//! [`Event`] to a function, [`Handle::events`] to a task.
//!
//! # Features
//!
//! - `signal` (default): stop on SIGINT and SIGTERM (on Windows: Ctrl-C, Ctrl-Break, and the end of
//!   the console, the session or the system).
//! - `cron`: schedules by cron expression, `scheduled(cron = "0 3 * * *")`; see the page `_cron`.
//! - `cron-bundled-tz`: the time zone database inside the program, for machines that have none.
//! - `serde`: `Serialize` for the [`Outcome`], [`ServiceStatus`], [`Event`] and what they hold.
//! - `tokio-util`: [`StopChannel::token`], a `CancellationToken` that is cancelled at the stop.
//! - `systemd`: tells systemd of the start, the stop and reloads, and answers its watchdog; on Linux, see
//!   [the guide](guide::systemd).
//! - `test-util`: `lifecycle::testing`, contexts for unit tests of hooks, and checks of what every service owes; see
//!   `guide::testing`.

// Items behind a feature say so on docs.rs, which documents with a nightly compiler.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod engine;
#[cfg(doc)]
pub mod guide;
mod macros;
mod panics;
mod registry;
mod report;
mod retry;
mod run;
mod shape;
mod shared;
mod store;
mod sync;
mod time;

#[cfg(feature = "test-util")]
pub mod testing;

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;

pub use async_trait::async_trait;

pub use crate::macros::service;
pub use crate::registry::{Group, GroupEntry as Entry, Registry, RegistryBuilder};
pub use crate::report::dependency::{Dependency, DependencyKind};
pub use crate::report::error::{
    BoxError, Fault, HealthError, OptionError, Permanent, ReloadError, RestartError, Result,
    ScheduleError, ServiceError, StartError, TriggerError, permanent,
};
pub use crate::report::event::{Event, EventKind, LeaseLoss};
pub use crate::report::group::{AddError, MemberOutcome};
pub use crate::report::name::Name;
pub use crate::report::outcome::{Laggard, Outcome, UncleanStop};
pub use crate::report::reason::{Cause, OnHangup, Reason, Signal};
pub use crate::report::registry_error::{RegistryError, RegistryProblem};
pub use crate::report::restart::{Restart, Then};
pub use crate::report::startup::{ServiceStartup, Startup};
pub use crate::report::status::{
    IsolatedStatus, LeaseLeader, LeaseStatus, OnFailure, OnLate, Phase, QueueStatus, ServiceStatus,
    Shape, State, TickStatus, Transition,
};
pub use crate::report::tick::{
    ScheduleKind, ScheduleRule, Tick, TickCause, TickOutcome, TickRun, Upcoming,
};
pub use crate::run::running::Running;
pub use crate::shape::anew::anew;
pub use crate::shape::intake::{Intake, SendError, TrySendError};
pub use crate::shape::service::Service;
pub use crate::shape::{Idle, Oneshot, Queue, Scheduled, Server, Worker};
pub use crate::shared::context::Context;
pub use crate::shared::handle::Handle;
pub use crate::shared::lease::Lease;
pub use crate::shared::stop_channel::{Closed, StopChannel};
pub use crate::shared::subscriptions::{Events, Transitions};
pub use crate::shared::task_output::TaskOutput;
pub use crate::store::{FileMemory, Grant, Leases, Memory, Point, Remembered};

#[cfg(all(doc, feature = "cron"))]
#[doc = include_str!("../docs/cron.md")]
pub mod _cron {}
