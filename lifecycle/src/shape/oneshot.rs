//! The oneshot shape: one `run` that is expected to finish, such as a migration.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use super::{Declared, Live, Nothing, is_left_out};
use crate::panics;
use crate::report::error::Result;
use crate::report::status::{Phase, Shape};
use crate::shared::context::Context;
use crate::shared::latch::Latch;
use crate::shared::tasks::Tasks;

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
///
/// # In the background
///
/// `#[service(oneshot(background))]` is for what need not be done for the application to be up: warming a cache,
/// filling in old rows. It is `Running` at once, so its dependents and readiness don't wait for it; when `run`
/// has succeeded it is `Stopped`, as any oneshot. When it is stopped, `run` and the tasks that it has spawned are
/// dropped where they stand: that is no failure, and nothing is late. A `run` that fails is a failure of the
/// service, as ever.
///
/// ```
/// use lifecycle::{Context, Oneshot, Result, service};
///
/// #[service(oneshot(background))]
/// struct Warmup;
///
/// impl Oneshot for Warmup {
///     async fn run(&self, _: &Context) -> Result {
///         read_everything_once().await
///     }
/// }
/// # async fn read_everything_once() -> Result { Ok(()) }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is declared as a oneshot but does not implement `Oneshot`",
    label = "this service has no `Oneshot` impl",
    note = "add `impl Oneshot for {Self} {{ async fn run(&self, cx: &Context) -> Result {{ .. }} }}`"
)]
pub trait Oneshot {
    /// The job. Dependents start once it has returned `Ok`, unless it is one in the background.
    ///
    /// Under the start timeout only where one is written: the default is not meant for a job. When the
    /// application stops meanwhile it may finish within the service's time to stop, and is dropped at its
    /// end; a job that can end sooner watches its [stop channel](Context::stop_channel).
    ///
    /// An error or a panic is the service's failure, and that of all that depend on it.
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
pub trait OneshotService: Oneshot {
    /// `oneshot(background)`: nothing waits for it, and the stop drops it.
    const BACKGROUND: bool = false;
}

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
        if !S::BACKGROUND {
            return service.run(cx).await;
        }
        let spawned = Spawned(&cx.run().tasks);
        let job = async {
            let ended = service.run(cx).await;
            let has_failed = matches!(&ended, Err(error) if !cx.application().is_the_stop(error));
            if !has_failed {
                poll_fn(|task| spawned.0.poll_gone(task)).await;
            }
            ended
        };
        let ended = run_until_stopped(job, &cx.run().stop).await;
        ended.unwrap_or(Ok(()))
    }

    fn is_up_while_it_runs() -> bool {
        S::BACKGROUND
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

/// What a job in the background has spawned is part of it: this drops it when the job fails, panics, or is to stop. It
/// is not late then, because nothing was to be waited for.
struct Spawned<'a>(&'a Tasks);

impl Drop for Spawned<'_> {
    fn drop(&mut self) {
        // The job may be panicking, and a second panic would end the process.
        let _ = panics::catch(|| self.0.cut());
    }
}

/// What the future ends with; `None` if it was to stop first. It is dropped then, without being polled again.
async fn run_until_stopped(run: impl Future<Output = Result>, stop: &Latch) -> Option<Result> {
    let mut run = pin!(run);
    let mut stopped = pin!(stop.closed());
    poll_fn(|task| {
        if stopped.as_mut().poll(task).is_ready() {
            return Poll::Ready(None);
        }
        run.as_mut().poll(task).map(Some)
    })
    .await
}
