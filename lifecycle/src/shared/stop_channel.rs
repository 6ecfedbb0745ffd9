//! The stop channel of a service, in the forms in which code waits for it.

use std::fmt;
use std::future::{Future, IntoFuture, poll_fn};
use std::pin::{Pin, pin};
use std::task::{self, Poll};

#[cfg(feature = "tokio-util")]
use tokio_util::sync::CancellationToken;

use crate::shared::context::Context;
use crate::shared::latch::Latch;

/// A service's stop channel. It is closed once and never opened again; there is nothing to send on
/// it.
///
/// Every clone sees the closing, whether it waits before or after. A channel can be awaited as it is,
/// so `select!` takes it without a `let`:
///
/// ```
/// # use tokio::sync::mpsc::Receiver;
/// # async fn handle(_: u8) -> lifecycle::Result { Ok(()) }
/// # async fn run(cx: &lifecycle::Context, messages: &mut Receiver<u8>) -> lifecycle::Result {
/// loop {
///     tokio::select! {
///         () = cx.stop_channel() => return Ok(()),
///         Some(message) = messages.recv() => handle(message).await?,
///     }
/// }
/// # }
/// ```
#[derive(Clone)]
pub struct StopChannel(Context);

impl StopChannel {
    pub(crate) fn new(cx: Context) -> Self {
        Self(cx)
    }

    /// Resolves when the channel is closed, at once if it already is. Cancel-safe.
    pub async fn closed(&self) {
        self.latch().closed().await;
    }

    /// As [`closed`](Self::closed), by a future that borrows nothing, for what asks for a `'static` one:
    /// a task, or a server's graceful shutdown, as of axum:
    ///
    /// ```
    /// # mod axum {
    /// #     pub struct Serve;
    /// #     pub fn serve(_: (), _: ()) -> Serve { Serve }
    /// #     impl Serve {
    /// #         pub async fn with_graceful_shutdown<F>(self, signal: F) -> std::io::Result<()>
    /// #         where F: Future<Output = ()> + Send + 'static { Ok(signal.await) }
    /// #     }
    /// # }
    /// # async fn run(cx: &lifecycle::Context, listener: (), router: ()) -> lifecycle::Result {
    /// axum::serve(listener, router)
    ///     .with_graceful_shutdown(cx.stop_channel().closed_owned())
    ///     .await?;
    /// # Ok(()) }
    /// ```
    pub fn closed_owned(&self) -> Closed {
        self.clone().into_future()
    }

    /// Whether the channel is closed: the service has been asked to stop.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.latch().is_closed()
    }

    /// What `future` gives, or `None` if the channel is closed before that.
    ///
    /// Where the channel is closed already, `future` is dropped without being polled. From then on it
    /// comes first: one that is done at the moment at which the channel closes still gives what it has,
    /// so nothing that was received is lost.
    ///
    /// With `None`, `future` has been dropped at the `.await` it was waiting in: what it does must bear
    /// that. Cancel-safe if `future` is.
    ///
    /// ```
    /// # use tokio::sync::mpsc::Receiver;
    /// # async fn handle(_: u8) -> lifecycle::Result { Ok(()) }
    /// # async fn run(cx: &lifecycle::Context, messages: &mut Receiver<u8>) -> lifecycle::Result {
    /// let stop = cx.stop_channel();
    /// while let Some(Some(message)) = stop.run_until_closed(messages.recv()).await {
    ///     handle(message).await?;
    /// }
    /// # Ok(()) }
    /// ```
    pub async fn run_until_closed<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        if self.is_closed() {
            return None;
        }
        let mut future = pin!(future);
        let mut closed = pin!(self.latch().closed());
        poll_fn(|task| match future.as_mut().poll(task) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending => closed.as_mut().poll(task).map(|()| None),
        })
        .await
    }

    /// A token that is cancelled when the channel is closed, for code that takes one. It is cancelled
    /// already where the channel is closed. Behind the feature `tokio-util`.
    ///
    /// Each call returns a token of its own: to cancel it stops what was given it or a child of it, and
    /// neither the service nor what has another token. It can be dropped at any time, and be kept
    /// for longer than the service lives: it keeps nothing of the application.
    ///
    /// ```
    /// # async fn serve(_: tokio_util::sync::CancellationToken) {}
    /// # async fn run(cx: &lifecycle::Context) -> lifecycle::Result {
    /// serve(cx.stop_channel().token()).await;
    /// # Ok(()) }
    /// ```
    #[cfg(feature = "tokio-util")]
    #[must_use]
    pub fn token(&self) -> CancellationToken {
        self.0.run().stop_token()
    }

    fn latch(&self) -> &Latch {
        &self.0.run().stop
    }
}

/// Waits until the channel is closed. Cancel-safe.
impl IntoFuture for StopChannel {
    type Output = ();
    type IntoFuture = Closed;

    fn into_future(self) -> Closed {
        Closed {
            channel: self,
            key: None,
        }
    }
}

impl fmt::Debug for StopChannel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StopChannel")
            .field("closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}

/// Resolves when a [`StopChannel`] is closed: what [`closed_owned`](StopChannel::closed_owned) returns,
/// and what a channel becomes by `.await`.
///
/// Cancel-safe, and [`Unpin`]: it can be awaited by `&mut` again and again. Once it has resolved it
/// always does.
#[must_use = "a future does nothing unless it is awaited"]
pub struct Closed {
    channel: StopChannel,
    /// Of this waiter at the latch.
    key: Option<usize>,
}

impl Future for Closed {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, task: &mut task::Context<'_>) -> Poll<()> {
        let Self { channel, key } = &mut *self;
        channel.latch().poll_closed(key, task)
    }
}

impl Drop for Closed {
    fn drop(&mut self) {
        self.channel.latch().leave(self.key);
    }
}

impl fmt::Debug for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Closed").field(&self.channel).finish()
    }
}
