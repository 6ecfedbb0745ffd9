//! The worker shape: one long `run`, such as a consumer.

use std::future::Future;

use super::{Declared, Live, Nothing, is_left_out};
use crate::report::error::Result;
use crate::report::status::{Phase, Shape};
use crate::shared::context::Context;

/// The hooks of a service that works all the time: a consumer, an accept loop.
///
/// An accept loop on a listener that the program was given; it answers every connection in a task of its
/// own. One that opens its listener itself is a [`Server`](crate::Server).
///
/// ```
/// use std::{io, time::Duration};
/// use lifecycle::{Context, Result, Worker, service};
/// use tokio::net::{TcpListener, TcpStream};
///
/// #[service(worker)]
/// struct Echo { listener: TcpListener }
///
/// impl Worker for Echo {
///     async fn run(&self, cx: &Context) -> Result {
///         loop {
///             let accepted = tokio::select! {
///                 () = cx.stop_channel() => return Ok(()),
///                 accepted = self.listener.accept() => accepted,
///             };
///             let socket = match accepted {
///                 Ok((socket, _)) => socket,
///                 // A client that has gone again, or too many of them for the descriptors there
///                 // are: neither is a reason to end the application.
///                 Err(error) => {
///                     tracing::warn!(%error, "can't accept");
///                     tokio::time::sleep(Duration::from_millis(50)).await;
///                     continue;
///                 }
///             };
///             let stop = cx.stop_channel();
///             // What becomes of one client is no matter of the service: that it resets its connection is
///             // logged, and that it is silent costs the stop some time and nothing else.
///             cx.spawn_isolated(async move {
///                 // Without the channel the stop would wait for a silent client.
///                 if let Some(ended) = stop.run_until_closed(echo(socket)).await {
///                     ended?;
///                 }
///                 Ok(())
///             });
///         }
///     }
/// }
///
/// async fn echo(mut socket: TcpStream) -> io::Result<()> {
///     let (mut reader, mut writer) = socket.split();
///     tokio::io::copy(&mut reader, &mut writer).await?;
///     Ok(())
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is declared as a worker but does not implement `Worker`",
    label = "this service has no `Worker` impl",
    note = "add `impl Worker for {Self} {{ async fn run(&self, cx: &Context) -> Result {{ .. }} }}`"
)]
pub trait Worker {
    /// Runs before the service counts as running; dependents wait for it. Default: nothing.
    ///
    /// Under the start timeout. Dropped when the application stops meanwhile. An error or a panic is the
    /// service's failure, and that of all that depend on it; with `startup(retry = ..)` beside the shape an
    /// error is tried again. What `run` needs to be ready (a subscription) belongs here. What `run` has to be handed is what a [`Server`](crate::Server) binds.
    fn startup(&self, cx: &Context) -> impl Future<Output = Result> + Send {
        let _ = cx;
        async { Ok(()) }
    }

    /// The work. It must go on until the [stop channel](Context::stop_channel) closes, then finish
    /// what it has in hand and return; returning `Ok` while nothing has asked the application to
    /// stop is the failure "exited early".
    ///
    /// Once anything has asked (a signal, a failure, `stop_on`, its own [`Context::shutdown`]), `Ok`
    /// is a clean end, also before the stop channel closes: the service waits for its turn in the stop
    /// order and drains in it. Nor is it a failure then to return the error that says so:
    /// [`HealthError::Stopping`](crate::HealthError::Stopping) of a wait for health, or
    /// [`TriggerError::Stopped`](crate::TriggerError::Stopped).
    ///
    /// Any other error and a panic are the service's failure; its [policy](crate::OnFailure) says what comes of it.
    ///
    /// Dropped at three quarters of the service's time to stop, so that `drain` still happens.
    fn run(&self, cx: &Context) -> impl Future<Output = Result> + Send;

    /// Flushes what is in memory, after `run` has returned. Runs once for each completed `startup`.
    /// Default: nothing.
    ///
    /// Dropped when the service's time to stop is over: see [`Context::deadline`]. An error or a panic is the
    /// service's failure, which no restart follows; the others are drained all the same.
    fn drain(&self, cx: &Context) -> impl Future<Output = Result> + Send {
        let _ = cx;
        async { Ok(()) }
    }

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

/// What `#[service(worker)]` implements. Its bound makes rustc ask for the hooks.
pub trait WorkerService: Worker {}

/// The shape of `#[service(worker)]`.
#[derive(Debug)]
pub struct WorkerShape;

impl<S: WorkerService + Declared> Live<S> for WorkerShape {
    const SHAPE: Shape = Shape::Worker;

    type Started = ();

    fn startup(service: &S, cx: &Context) -> impl Future<Output = Result> + Send {
        service.startup(cx)
    }

    async fn run(service: &S, (): (), cx: &Context) -> Result {
        cx.run().enter(Phase::Run);
        service.run(cx).await
    }

    fn drain(service: &S, cx: &Context) -> impl Future<Output = Result> + Send {
        service.drain(cx)
    }

    fn reload(service: &S, cx: &Context) -> impl Future<Output = Result> + Send {
        service.reload(cx)
    }

    fn reloads() -> bool {
        !is_left_out(S::reload)
    }
}
