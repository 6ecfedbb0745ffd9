//! A service that is built anew for each of its runs.

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::report::error::Result;
use crate::shape::service::Service;
use crate::shared::context::Context;

/// A service that is built for each run, and dropped after its drain: for what can't be used again once it is down,
/// such as a connection.
///
/// Without this a [restart](crate::OnFailure::Restart) runs the same value again. Here `build` is called at each
/// start, as a part of that start and within its `start_timeout`; its error is the failure of the start. A stop
/// drops the future that builds. The service that it gives is all that the registry sees: its shape, its ticks,
/// its state.
///
/// `build` is cloned for each call, so that the future may borrow what the closure has captured. What can't be
/// cloned goes into an `Arc`. It returns a [`Result`](crate::Result): of a function with an error of its own it makes
/// one by `Ok(connect(&url).await?)`.
///
/// ```
/// use lifecycle::{Context, Registry, Restart, Result, Worker, anew, service};
///
/// #[service(worker)]
/// struct Feed { connection: Connection }
///
/// impl Feed {
///     async fn connect(url: &str) -> Result<Self> {
///         Ok(Self { connection: Connection::open(url).await? })
///     }
/// }
///
/// impl Worker for Feed {
///     async fn run(&self, cx: &Context) -> Result {
///         self.connection.read_until(cx.stop_channel()).await
///     }
/// }
///
/// let url = "https://example.org/feed".to_owned();
/// let registry = Registry::builder()
///     .service("feed", anew(async move || Feed::connect(&url).await))
///     .on_failure(Restart::new())
///     .build()?;
/// # struct Connection;
/// # impl Connection {
/// #     async fn open(_: &str) -> Result<Self> { Ok(Self) }
/// #     async fn read_until(&self, _: lifecycle::StopChannel) -> Result { Ok(()) }
/// # }
/// # Ok::<(), lifecycle::RegistryError>(())
/// ```
pub fn anew<F, B, S>(build: F) -> impl Service
where
    F: FnOnce() -> B + Clone + Send + Sync + 'static,
    B: Future<Output = Result<S>> + Send + 'static,
    S: Service,
{
    Anew {
        build,
        built: Mutex::new(Built::NotYet),
    }
}

/// # Invariants
///
/// `start` and `stop` of one run meet at `built`. Either `start` puts the service in first, and `stop` finds it; or
/// `stop` comes first, and `start` drops what it has built. So the `stop` of each service is called that was
/// started. No user code runs under the lock.
struct Anew<F, S> {
    build: F,
    built: Mutex<Built<S>>,
}

/// The service of this run.
enum Built<S> {
    NotYet,
    Started(Arc<S>),
    /// It was stopped. One that is built now comes too late.
    Stopped,
}

impl<F, S> Anew<F, S> {
    fn replace(&self, built: Built<S>) -> Built<S> {
        std::mem::replace(&mut *self.built(), built)
    }

    /// Puts the service in that was built, unless the run was stopped meanwhile.
    fn put_in(&self, service: &Arc<S>) -> bool {
        let mut built = self.built();
        let is_in_time = !matches!(*built, Built::Stopped);
        if is_in_time {
            *built = Built::Started(service.clone());
        }
        is_in_time
    }

    fn built(&self) -> MutexGuard<'_, Built<S>> {
        self.built.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl<F, B, S> Service for Anew<F, S>
where
    F: FnOnce() -> B + Clone + Send + Sync + 'static,
    B: Future<Output = Result<S>> + Send + 'static,
    S: Service,
{
    async fn start(&self, cx: &Context) -> Result {
        // That of a run whose `stop` was dropped may still be there.
        drop(self.replace(Built::NotYet));
        let building = self.build.clone()();
        let Some(service) = cx.stop_channel().run_until_closed(building).await else {
            return Ok(());
        };
        let service = Arc::new(service?);
        if self.put_in(&service) {
            service.start(cx).await
        } else {
            Ok(())
        }
    }

    async fn stop(&self, cx: &Context) -> Result {
        let Built::Started(service) = self.replace(Built::Stopped) else {
            cx.exited().await;
            return Ok(());
        };
        service.stop(cx).await
    }

    async fn reload(&self, cx: &Context) -> Result {
        let service = match &*self.built() {
            Built::Started(service) => service.clone(),
            Built::NotYet | Built::Stopped => return Ok(()),
        };
        service.reload(cx).await
    }
}
