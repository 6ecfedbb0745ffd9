//! The idle shape: started, called by others, stopped; nothing to do in between.

use std::future::Future;
use std::mem::needs_drop;

use super::{Declared, Live, Nothing, is_left_out};
use crate::report::error::Result;
use crate::report::status::{Phase, Shape};
use crate::shape::service::TaskNeed;
use crate::shared::context::Context;

/// The hooks of a service that has nothing to do while it runs: it is there to be called.
///
/// One that has neither hook costs no task while it runs; when it stops it gets one if it holds
/// something to drop.
///
/// ```
/// use lifecycle::{Context, Idle, Result, service};
///
/// #[service(idle)]
/// struct Cache;
///
/// impl Idle for Cache {
///     async fn drain(&self, _: &Context) -> Result {
///         write_to_disk().await
///     }
/// }
/// # async fn write_to_disk() -> Result { Ok(()) }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is declared as an idle service but does not implement `Idle`",
    label = "this service has no `Idle` impl",
    note = "add `impl Idle for {Self} {{}}`, with `startup` and `drain` where they have something to do"
)]
pub trait Idle {
    /// Runs before the service counts as running; dependents wait for it. Default: nothing.
    ///
    /// Under the start timeout. Dropped when the application stops meanwhile. An error or a panic is the
    /// service's failure, and that of all that depend on it; with `startup(retry = ..)` beside the shape an
    /// error is tried again.
    fn startup(&self, cx: &Context) -> impl Future<Output = Result> + Send {
        let _ = cx;
        Nothing::<Self>::new()
    }

    /// Flushes what is in memory. Runs once for each completed `startup`. Default: nothing.
    ///
    /// Dropped when the service's time to stop is over: see [`Context::deadline`]. An error or a panic is the
    /// service's failure, which no restart follows; the others are drained all the same.
    fn drain(&self, cx: &Context) -> impl Future<Output = Result> + Send {
        let _ = cx;
        Nothing::<Self>::new()
    }

    /// Takes over new values, when a [reload](crate::Handle::reload) of the application is asked for. Runs beside
    /// all that calls it, in the same task. Default: nothing.
    ///
    /// Under the start timeout. An error is logged, shows in the status and is returned to who asked; the
    /// service goes on. Dropped when the service stops meanwhile.
    fn reload(&self, cx: &Context) -> impl Future<Output = Result> + Send {
        let _ = cx;
        Nothing::<Self>::new()
    }
}

/// What `#[service(idle)]` implements. Its bound makes rustc ask for the hooks.
pub trait IdleService: Idle {}

/// The shape of `#[service(idle)]`.
#[derive(Debug)]
pub struct IdleShape;

impl<S: IdleService + Declared> Live<S> for IdleShape {
    const SHAPE: Shape = Shape::Idle;

    type Started = ();

    fn startup(service: &S, cx: &Context) -> impl Future<Output = Result> + Send {
        service.startup(cx)
    }

    #[expect(
        clippy::manual_async_fn,
        reason = "an `async fn` future stores its arguments twice; an `async` block does not"
    )]
    fn run(_: &S, (): (), cx: &Context) -> impl Future<Output = Result> + Send {
        async move {
            cx.run().enter(Phase::Idle);
            cx.run().stop.closed().await;
            Ok(())
        }
    }

    fn drain(service: &S, cx: &Context) -> impl Future<Output = Result> + Send {
        service.drain(cx)
    }

    /// A destructor of one of its fields is code too, so it may need a task to be dropped in.
    fn task_need() -> TaskNeed {
        if !is_left_out(S::startup) || !is_left_out(S::reload) {
            TaskNeed::Always
        } else if !is_left_out(S::drain) {
            TaskNeed::ForDrain
        } else if needs_drop::<S>() {
            TaskNeed::ForDrop
        } else {
            TaskNeed::Never
        }
    }

    fn reload(service: &S, cx: &Context) -> impl Future<Output = Result> + Send {
        service.reload(cx)
    }

    fn reloads() -> bool {
        !is_left_out(S::reload)
    }
}
