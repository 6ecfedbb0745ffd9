//! The oneshot shape: one `run` that is expected to finish, such as a migration.

use std::future::Future;

use super::{Declared, Live, Nothing, is_left_out};
use crate::report::error::Result;
use crate::report::status::{Phase, Shape};
use crate::shared::context::Context;

/// The hook of a service that does one thing and is done: a migration, a seed job.
///
/// While its `run` is under way it is `Starting`, as a oneshot unit of systemd is "activating";
/// when it has succeeded it is `Stopped`, counts as healthy, and its dependents start.
///
/// ```
/// use lifecycle::{Context, Oneshot, Result, service};
///
/// #[service(oneshot)]
/// struct Migration;
///
/// impl Oneshot for Migration {
///     async fn run(&self, _: &Context) -> Result {
///         migrate().await
///     }
/// }
/// # async fn migrate() -> Result { Ok(()) }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is declared as a oneshot but does not implement `Oneshot`",
    label = "this service has no `Oneshot` impl",
    note = "add `impl Oneshot for {Self} {{ async fn run(&self, cx: &Context) -> Result {{ .. }} }}`"
)]
pub trait Oneshot {
    /// The job. Dependents start once it has returned `Ok`.
    ///
    /// Under the start timeout only where one is written: the default is not meant for a job. When the
    /// application stops meanwhile it may finish within the service's time to stop, and is dropped at its
    /// end; a job that can end sooner watches its [stop channel](Context::stop_channel).
    fn run(&self, cx: &Context) -> impl Future<Output = Result> + Send;

    /// Takes over new values, when a [reload](crate::Handle::reload) of the application is asked for. Runs beside
    /// `run`, in the same task. Default: nothing.
    ///
    /// Under the start timeout. An error is logged, shows in the status and is returned to who asked; the
    /// service goes on. Dropped when the service stops meanwhile.
    fn reload(&self, cx: &Context) -> impl Future<Output = Result> + Send {
        let _ = cx;
        Nothing::<Self>::new()
    }
}

/// What `#[service(oneshot)]` implements. Its bound makes rustc ask for the hook.
pub trait OneshotService: Oneshot {}

/// The shape of `#[service(oneshot)]`.
#[derive(Debug)]
pub struct OneshotShape;

impl<S: OneshotService + Declared> Live<S> for OneshotShape {
    const SHAPE: Shape = Shape::Oneshot;

    type Started = ();

    async fn startup(_: &S, _: &Context) -> Result {
        Ok(())
    }

    async fn run(service: &S, (): (), cx: &Context) -> Result {
        cx.run().enter(Phase::Run);
        service.run(cx).await
    }

    async fn drain(_: &S, _: &Context) -> Result {
        Ok(())
    }

    fn reload(service: &S, cx: &Context) -> impl Future<Output = Result> + Send {
        service.reload(cx)
    }

    fn reloads() -> bool {
        !is_left_out(S::reload)
    }
}
