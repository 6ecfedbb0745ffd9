//! The server shape: `bind` what it serves on, then `serve` with it.

use std::future::Future;

use super::{Declared, Live, Nothing, is_left_out};
use crate::report::error::Result;
use crate::report::status::{Phase, Shape};
use crate::shared::context::Context;

/// The hooks of a service that binds something and serves with it: a listener, a socket, a
/// subscription.
///
/// What `bind` returns is handed to `serve`, so the service itself has no field for it. A service that is
/// running is reachable, because it counts as running once `bind` has returned.
///
/// ```
/// use std::{io, time::Duration};
/// use lifecycle::{Context, Result, Server, service};
/// use tokio::net::{TcpListener, TcpStream};
///
/// #[service(server)]
/// struct Echo { address: String }
///
/// impl Server for Echo {
///     type Bound = TcpListener;
///
///     async fn bind(&self, _: &Context) -> Result<TcpListener> {
///         Ok(TcpListener::bind(&self.address).await?)
///     }
///
///     async fn serve(&self, listener: TcpListener, cx: &Context) -> Result {
///         let stop = cx.stop_channel();
///         loop {
///             let accepted = tokio::select! {
///                 () = stop.closed() => return Ok(()),
///                 accepted = listener.accept() => accepted,
///             };
///             let socket = match accepted {
///                 Ok((socket, _)) => socket,
///                 // A client has gone again, or no descriptor is free: neither is a reason to end the
///                 // application.
///                 Err(error) => {
///                     tracing::warn!(%error, "can't accept");
///                     tokio::time::sleep(Duration::from_millis(50)).await;
///                     continue;
///                 }
///             };
///             let stop = stop.clone();
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
///
/// A library that accepts by itself takes the stop channel; this is all there is to a server of `axum`:
///
/// ```ignore
/// #[service(server)]
/// struct Api { address: String, router: axum::Router }
///
/// impl Server for Api {
///     type Bound = TcpListener;
///
///     async fn bind(&self, _: &Context) -> Result<TcpListener> {
///         Ok(TcpListener::bind(&self.address).await?)
///     }
///
///     async fn serve(&self, listener: TcpListener, cx: &Context) -> Result {
///         axum::serve(listener, self.router.clone())
///             .with_graceful_shutdown(cx.stop_channel().closed_owned())
///             .await?;
///         Ok(())
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is declared as a server but does not implement `Server`",
    label = "this service has no `Server` impl",
    note = "add `impl Server for {Self} {{ type Bound = ..; async fn bind(..) ..; async fn serve(..) .. }}`"
)]
pub trait Server {
    /// What `bind` binds and `serve` serves with: a `TcpListener`, several of them, `()` for nothing.
    type Bound: Send;

    /// Binds. Runs before the service counts as running; dependents wait for it.
    ///
    /// Under the start timeout. Dropped when the application stops meanwhile. An error or a panic is the
    /// service's failure, and that of all that depend on it; with `startup(retry = ..)` beside the shape, a
    /// `bind` that returns an error is run again.
    fn bind(&self, cx: &Context) -> impl Future<Output = Result<Self::Bound>> + Send;

    /// The work, with what this run's `bind` has bound. It must go on until the
    /// [stop channel](Context::stop_channel) closes, then finish what it has in hand and return; returning
    /// `Ok` while nothing has asked the application to stop is the failure "exited early".
    ///
    /// Once anything has asked, `Ok` is a clean end, as it is for the `run` of a
    /// [`Worker`](crate::Worker).
    ///
    /// Any other error and a panic are the service's failure; its [policy](crate::OnFailure) says what comes of it.
    ///
    /// Dropped at three quarters of the service's time to stop, with what was bound, so that `drain`
    /// still happens.
    fn serve(&self, bound: Self::Bound, cx: &Context) -> impl Future<Output = Result> + Send;

    /// Flushes what is in memory, after `serve` has returned and what was bound is gone. Runs once for
    /// each completed `bind`. Default: nothing.
    ///
    /// Dropped when the service's time to stop is over: see [`Context::deadline`]. An error or a panic is the
    /// service's failure, which no restart follows; the others are drained all the same.
    fn drain(&self, cx: &Context) -> impl Future<Output = Result> + Send {
        let _ = cx;
        async { Ok(()) }
    }

    /// Takes over new values, when a [reload](crate::Handle::reload) of the application is asked for. Runs beside
    /// `serve`, in the same task. Default: nothing.
    ///
    /// Under the start timeout. An error is logged, shows in the status and is returned to who asked; the
    /// service goes on. Dropped when the service stops meanwhile.
    fn reload(&self, cx: &Context) -> impl Future<Output = Result> + Send {
        let _ = cx;
        Nothing::<Self>::new()
    }
}

/// What `#[service(server)]` implements. Its supertrait makes the compiler ask for the hooks.
pub trait ServerService: Server {}

/// The shape of `#[service(server)]`.
#[derive(Debug)]
pub struct ServerShape;

impl<S: ServerService + Declared> Live<S> for ServerShape {
    const SHAPE: Shape = Shape::Server;

    type Started = S::Bound;

    fn startup(service: &S, cx: &Context) -> impl Future<Output = Result<S::Bound>> + Send {
        service.bind(cx)
    }

    fn run(service: &S, bound: S::Bound, cx: &Context) -> impl Future<Output = Result> + Send {
        cx.run().enter(Phase::Run);
        service.serve(bound, cx)
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
