//! The one trait the registry knows.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;

use crate::report::error::Result;
use crate::report::name::Name;
use crate::report::status::Shape;
use crate::shared::application::Application;
use crate::shared::context::Context;

/// A component that starts, runs as long as the application and stops gracefully.
///
/// [`#[service(..)]`](macro@crate::service) implements it from the hooks of a shape, and that is
/// what you want nearly always. A hand-written implementation is for what no shape fits; it is just
/// as welcome in a registry:
///
/// - `start` is called once for each run, when every dependency is running: a
///   [restart](crate::OnFailure::Restart) calls it again, after `stop`. It blocks. The service counts as
///   running when it has called [`cx.ready()`](Context::ready); one that never does fails when its
///   start timeout is over.
/// - `start` returning `Ok` while nothing has asked the application to stop is a failure (it "exited
///   early"), and so is `Err`. Once something has asked, `Ok` is a clean end, also before the stop
///   channel closes and before [`cx.ready()`](Context::ready), and so is an `Err` that only says that
///   the application is stopping (see [`HealthError::Stopping`](crate::HealthError::Stopping)); `stop` is called
///   when its turn comes.
/// - To stop the service the registry closes its stop channel and then calls `stop`, once, for
///   every service whose `start` was called, whether or not it failed. `stop` runs beside `start`,
///   in the same task. It makes `start` return if the stop channel alone does not, awaits
///   [`cx.exited()`](Context::exited), and flushes.
/// - A panic in either is the service's failure; the application goes on to stop.
/// - What is late is dropped where it stands: `start` at three quarters of the time the service has
///   to stop, `stop` at its end.
///
/// A decorator, which does something before or after another service's `start` and `stop`, forwards
/// these two, with the context it was given, and nothing else: the service within is what it is. Its
/// ticks can be asked for, its items are counted, and a oneshot may return.
/// One thing can't be known of what is within: where neither is ever called, as a dependency has failed,
/// the intake of a queue within stays open, and what it has accepted is dropped with its last clone
/// without being counted lost.
///
/// There is nothing else that it could forward. The trait has hidden methods, which only the library
/// overrides and calls: each takes an argument of a type that has no name outside.
///
/// What holds a service is one as well: an `Arc` of it, a `Box<dyn Service>`, and an `Option`, whose `None` is
/// [disabled](crate::State::Disabled).
///
/// ```
/// use lifecycle::{Context, Result, Service, async_trait};
///
/// struct Listener;
///
/// #[async_trait]
/// impl Service for Listener {
///     async fn start(&self, cx: &Context) -> Result {
///         let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await?;
///         cx.ready();
///         let mut buffer = [0; 1500];
///         loop {
///             tokio::select! {
///                 () = cx.stop_channel() => return Ok(()),
///                 packet = socket.recv(&mut buffer) => drop(packet?),
///             }
///         }
///     }
///
///     async fn stop(&self, cx: &Context) -> Result {
///         cx.exited().await;
///         Ok(()) // flush what is in memory
///     }
/// }
/// ```
#[async_trait]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a service",
    label = "not a service",
    note = "put `#[service(idle)]`, `#[service(scheduled(interval = ..))]`, `#[service(queue(..))]`, `#[service(worker)]`, `#[service(server)]` or `#[service(oneshot)]` on the struct",
    note = "a generic struct is a service where it implements its hooks, such as `Idle`, and is `Send` and `Sync`",
    note = "a shared service is registered as a clone of its `Arc`; a trait object is one where its trait says so, such as `trait Tokenizer: Service`",
    note = "a future is none: write `.await` behind the call that returns it, and `?` behind one that returns a `Result`"
)]
pub trait Service: Send + Sync + 'static {
    /// Blocks until stopped (`Ok`) or until it can't go on (`Err`).
    async fn start(&self, cx: &Context) -> Result;

    /// Makes `start` return, then drains. Runs beside `start`; [`cx.exited()`](Context::exited)
    /// resolves when `start` has returned.
    async fn stop(&self, cx: &Context) -> Result;

    /// Takes over new values, when a [reload](crate::Handle::reload) of the application is asked for. Runs
    /// beside `start`, in the same task. Default: nothing.
    ///
    /// It is for hand-written services. The shapes have a hook of their own, which is called behind any decorator,
    /// and is not called here; a decorator of a hand-written service forwards this too.
    ///
    /// Under the start timeout. An error is logged, shows in the status and is returned to who asked; the
    /// service goes on. Dropped when the service stops meanwhile.
    async fn reload(&self, cx: &Context) -> Result {
        let _ = cx;
        Ok(())
    }

    /// What the registry may know of the service before it starts. Only the shapes override it: a
    /// hand-written `start` and `stop` may do anything.
    #[doc(hidden)]
    fn __nature(&self, _: Sealed) -> Nature {
        Nature {
            shape: Shape::Custom,
            task_need: TaskNeed::Always,
            is_disabled: false,
            in_background: false,
        }
    }

    /// The application of the service, not begun yet, if the service is a registry. `path` is the name of
    /// the service. A decorator hides it until the start.
    #[doc(hidden)]
    fn __inner(&self, path: &Name, _: Sealed) -> Option<Inner> {
        let _ = path;
        None
    }

    /// The service will never be started. Only the shapes override it: a hand-written service learns
    /// it by its destructor.
    #[doc(hidden)]
    fn __abandon(&self, cx: &Context, _: Sealed) {
        let _ = cx;
    }
}

/// The methods that only the library may override take one of these. Other crates can't name it.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct Sealed(());

impl Sealed {
    pub(crate) const OPEN: Self = Self(());
}

/// The application of a service that is a registry.
#[doc(hidden)]
#[derive(Debug)]
pub struct Inner(pub(crate) Arc<Application>);

/// What the registry may know of a service before it starts. A decorator hides it, so only the status
/// before the start and savings may depend on it. The shape's own `start` sets everything else.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct Nature {
    pub(crate) shape: Shape,
    pub(crate) task_need: TaskNeed,
    /// There is no service: it is never started.
    pub(crate) is_disabled: bool,
    /// It is a oneshot that nothing waits for: it is up while its `run` is under way.
    pub(crate) in_background: bool,
}

/// What a service needs a task for. It follows from the hooks that are left out.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskNeed {
    /// It has code to run from its start on, or may have some.
    Always,
    /// It only has a drain. The task is made at the start already, so that a stop need not make the tasks
    /// of many services before their drains begin.
    ForDrain,
    /// It only has a destructor. The task is made when the service is stopped.
    ForDrop,
    /// It has no code to run at all.
    Never,
}

/// The future of [`Service::start`] and [`Service::stop`], as `async_trait` writes it.
pub(crate) type BoxFuture<'a> = Pin<Box<dyn Future<Output = Result> + Send + 'a>>;
