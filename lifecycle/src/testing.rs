//! Contexts for unit tests of hooks, without a registry; a check of what every service owes; a wall clock for tests of
//! schedules; a store in memory for tests of replicas, and the tests that every store owes.
//! Behind the feature `test-util`, which needs tokio's. See [the guide](crate::guide::testing).
//!
//! ```
//! use lifecycle::{Context, Idle, Result, service, testing};
//!
//! #[service(idle)]
//! struct Cache;
//!
//! impl Idle for Cache {
//!     async fn drain(&self, cx: &Context) -> Result {
//!         assert_eq!(cx.name(), "cache");
//!         Ok(())
//!     }
//! }
//!
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! Cache.drain(&testing::context("cache")).await
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
//! ```

mod conformance;
mod in_memory;
pub mod stores;

use std::sync::Arc;

use tokio::runtime::Handle as Runtime;

pub use self::conformance::{Case, Conformance, NotConforming, conformance};
pub use self::in_memory::InMemoryStore;
#[doc(inline)]
pub use crate::__conformance as conformance;
#[cfg(feature = "cron")]
pub use crate::time::WallClock;

use crate::engine::Graph;
use crate::report::name::Name;
use crate::report::status::OnFailure;
use crate::report::status::Shape;
use crate::shared::application::Application;
use crate::shared::context::Context;
use crate::shared::instance::Instance;
use crate::shared::run::Run;

/// A context for a service of this name, in no registry. Its stop channel is open until [`stop`] is
/// called. Call it inside a tokio runtime where the hook spawns tasks.
///
/// ```
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use lifecycle::{Context, Result, Scheduled, service, testing};
///
/// #[service(scheduled(interval = "1m"))]
/// #[derive(Default)]
/// struct Counter { ticks: AtomicU64 }
///
/// impl Scheduled for Counter {
///     async fn tick(&self, _: &Context) -> Result {
///         self.ticks.fetch_add(1, Ordering::Relaxed);
///         Ok(())
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result {
/// let counter = Counter::default();
/// counter.tick(&testing::context("counter")).await?; // one tick, and nothing around it
/// assert_eq!(counter.ticks.into_inner(), 1);
/// # Ok(()) }
/// ```
#[must_use]
pub fn context(name: impl Into<Name>) -> Context {
    let instance = Instance::new(name.into(), Shape::Custom, OnFailure::Shutdown, None);
    let application = Application::new(Box::new([instance]), Arc::new(Graph::without_edges(1)));
    application.begin(Runtime::try_current().ok());
    // There is no supervisor.
    application.inbox.close();
    let run = Run::new();
    application.instance(0).begin_run(&run);
    Context::new(application, run, 0)
}

/// Closes the context's stop channel, as a registry does when it stops the service.
///
/// ```
/// use lifecycle::testing;
///
/// let cx = testing::context("consumer");
/// assert!(!cx.stop_channel().is_closed());
/// testing::stop(&cx);
/// assert!(cx.stop_channel().is_closed());
/// ```
pub fn stop(cx: &Context) {
    cx.close_stop_channel();
}
