//! The macros as users see them, with their reference. The work is done in `lifecycle-macros`.

/// Gives a struct the shape of a service. You implement the hooks of the shape; the rest is done.
///
/// ```
/// use std::time::Duration;
/// use lifecycle::{Context, Result, Scheduled, service};
///
/// struct Config { gc: Gc }
/// struct Gc { interval: Duration }
///
/// /// Deletes expired tokens.
/// #[service(scheduled(interval = "cfg.gc.interval"))]
/// struct Tokens { cfg: Config }
///
/// impl Scheduled for Tokens {
///     async fn tick(&self, _: &Context) -> Result { delete_expired().await }
/// }
/// # async fn delete_expired() -> Result { Ok(()) }
/// ```
///
/// # Arguments
///
/// One shape:
///
/// | argument | hooks |
/// |---|---|
/// | `idle` | [`Idle`](crate::Idle) |
/// | `scheduled(interval = ..)` | [`Scheduled`](crate::Scheduled) |
/// | `worker` | [`Worker`](crate::Worker) |
/// | `oneshot` | [`Oneshot`](crate::Oneshot) |
///
/// and, where this crate is known by another name, `crate = path` to it: `#[service(idle, crate =
/// ::my_framework::lifecycle)]`.
///
/// An `interval` is one of
///
/// - a field path from `self`, in quotes: `interval = "cfg.gc.interval"`;
/// - a duration, in quotes, recognised by its first character, a digit: `interval = "30s"`,
///   `interval = "1h 30m"`;
/// - any expression of type `Duration` with `self` in scope, without quotes: `interval = self.0`,
///   `interval = self.cfg.load().interval`.
///
/// A zero literal is a compile error; a value that is zero at run time fails the service's start
/// with an error that names it. An endless one (`Duration::MAX`) never ticks.
///
/// # The struct
///
/// Any struct will do: unit, tuple, named, generic, with lifetimes and where clauses. It is not
/// changed, so literals, derives and tests go on as before. It must be `Send + Sync` to implement
/// the hooks, and `'static` to be registered.
pub use lifecycle_macros::service;

/// Assembles named services into a [`Registry`](crate::Registry) and checks them at compile time.
///
/// ```
/// # use std::{sync::Arc, time::Duration};
/// # use lifecycle::{Idle, registry, service};
/// # #[service(idle)] struct Store;
/// # impl Idle for Store {}
/// # #[service(idle)] struct Cache;
/// # impl Idle for Cache {}
/// # #[service(idle)] struct Api(Arc<Store>);
/// # impl Idle for Api {}
/// # let patience = Duration::from_secs(20);
/// let store = Arc::new(Store);
/// let registry = registry! {
///     deadline = "25s",
///     shutdown_delay = "5s",
///
///     "store" => store.clone(),
///     "cache" => Cache, after = ["store"], on_failure = ignore,
///     #[cfg(unix)]
///     "api" => Api(store), after = ["store", "cache"], start_timeout = patience, stop_timeout = "10s",
/// };
/// ```
///
/// Each entry is `"name" => expression`: any expression that is a [`Service`](crate::Service). It is
/// evaluated in place, in order, so `?`, `.await` and `return` work in it. A name is a lower case
/// letter and up to 30 more letters, digits, `_` or `-`. `#[cfg(..)]` on an entry works; an entry
/// that it removes does not count.
///
/// | setting of an entry | value | default |
/// |---|---|---|
/// | `after` | the names of the services it depends on: it starts after them and stops before them | none |
/// | `start_timeout` | how long its `startup` may take | 90 s |
/// | `stop_timeout` | how long it may take to stop; a quarter is kept for `drain` | 10 s |
/// | `on_failure` | `shutdown` or `ignore`: see [`OnFailure`](crate::OnFailure) | `shutdown` |
///
/// | setting of the registry, before the entries | | default |
/// |---|---|---|
/// | `deadline` | see [`Registry::deadline`](crate::Registry::deadline) | 25 s |
/// | `shutdown_delay` | see [`Registry::shutdown_delay`](crate::Registry::shutdown_delay) | none |
///
/// A duration is a literal in quotes (`"10s"`, `"1m 30s"`) or any expression of type `Duration`.
///
/// # Compile errors
///
/// No entry at all, a duplicate or malformed name, a dependency that is unknown, on itself or part
/// of a cycle, an unknown or repeated setting, a zero or malformed duration. All are reported at
/// once, each on the token to change.
#[macro_export]
macro_rules! registry {
    ($($tokens:tt)*) => { $crate::__private::registry! { [$crate] $($tokens)* } };
}
