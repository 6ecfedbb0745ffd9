//! What holds a service is a service too: an `Arc`, a `Box<dyn Service>`, an `Option`.
//!
//! Written without `async_trait`, which would box the inner future a second time. What is not a service is most
//! likely to be one in an `Arc`, so rustc recommends only that.

use std::sync::Arc;

use crate::report::error::Result;
use crate::report::name::Name;
use crate::report::status::Shape;
use crate::shape::service::{BoxFuture, Inner, Nature, Sealed, Service, TaskNeed};
use crate::shared::context::Context;

/// A provider that is also a service is kept as an `Arc<T>`, or an `Arc<dyn Provider>` where `trait
/// Provider: Service`; the registry gets a clone.
impl<S: Service + ?Sized> Service for Arc<S> {
    fn start<'a, 'c, 'f>(&'a self, cx: &'c Context) -> BoxFuture<'f>
    where
        'a: 'f,
        'c: 'f,
        Self: 'f,
    {
        (**self).start(cx)
    }

    fn stop<'a, 'c, 'f>(&'a self, cx: &'c Context) -> BoxFuture<'f>
    where
        'a: 'f,
        'c: 'f,
        Self: 'f,
    {
        (**self).stop(cx)
    }

    fn reload<'a, 'c, 'f>(&'a self, cx: &'c Context) -> BoxFuture<'f>
    where
        'a: 'f,
        'c: 'f,
        Self: 'f,
    {
        (**self).reload(cx)
    }

    fn __nature(&self, sealed: Sealed) -> Nature {
        (**self).__nature(sealed)
    }

    fn __inner(&self, path: &Name, sealed: Sealed) -> Option<Inner> {
        (**self).__inner(path, sealed)
    }

    fn __abandon(&self, cx: &Context, sealed: Sealed) {
        (**self).__abandon(cx, sealed);
    }
}

/// A service whose type is chosen at run time.
///
/// ```
/// # use lifecycle::{Idle, Service, registry, service};
/// # #[service(idle)] struct Sqlite;
/// # impl Idle for Sqlite {}
/// # #[service(idle)] struct Postgres;
/// # impl Idle for Postgres {}
/// # let is_local = true;
/// let store: Box<dyn Service> = if is_local { Box::new(Sqlite) } else { Box::new(Postgres) };
/// let registry = registry! { "store" => store };
/// ```
#[diagnostic::do_not_recommend]
impl Service for Box<dyn Service> {
    fn start<'a, 'c, 'f>(&'a self, cx: &'c Context) -> BoxFuture<'f>
    where
        'a: 'f,
        'c: 'f,
        Self: 'f,
    {
        (**self).start(cx)
    }

    fn stop<'a, 'c, 'f>(&'a self, cx: &'c Context) -> BoxFuture<'f>
    where
        'a: 'f,
        'c: 'f,
        Self: 'f,
    {
        (**self).stop(cx)
    }

    fn reload<'a, 'c, 'f>(&'a self, cx: &'c Context) -> BoxFuture<'f>
    where
        'a: 'f,
        'c: 'f,
        Self: 'f,
    {
        (**self).reload(cx)
    }

    fn __nature(&self, sealed: Sealed) -> Nature {
        (**self).__nature(sealed)
    }

    fn __inner(&self, path: &Name, sealed: Sealed) -> Option<Inner> {
        (**self).__inner(path, sealed)
    }

    fn __abandon(&self, cx: &Context, sealed: Sealed) {
        (**self).__abandon(cx, sealed);
    }
}

/// A service that may be left out. `None` is [`Disabled`](crate::State::Disabled): it is never started, and
/// counts as healthy. What names it in `wants` goes on without it; what names it in `after` needs it, so a
/// registry that would start that is refused.
///
/// ```
/// # use lifecycle::{Idle, registry, service};
/// # #[service(idle)] struct Metrics;
/// # impl Idle for Metrics {}
/// # #[service(idle)] struct Api;
/// # impl Idle for Api {}
/// # let is_measured = false;
/// let registry = registry! {
///     "metrics" => is_measured.then(|| Metrics),
///     "api" => Api, wants = ["metrics"],
/// };
/// ```
///
/// Behind a hand-written decorator a `None` is not known before the start: there it is up at once and does
/// nothing, like a service of the shape `idle`.
#[diagnostic::do_not_recommend]
impl<S: Service> Service for Option<S> {
    fn start<'a, 'c, 'f>(&'a self, cx: &'c Context) -> BoxFuture<'f>
    where
        'a: 'f,
        'c: 'f,
        Self: 'f,
    {
        match self {
            Some(service) => service.start(cx),
            None => Box::pin(be_idle(cx)),
        }
    }

    fn stop<'a, 'c, 'f>(&'a self, cx: &'c Context) -> BoxFuture<'f>
    where
        'a: 'f,
        'c: 'f,
        Self: 'f,
    {
        match self {
            Some(service) => service.stop(cx),
            None => Box::pin(async move {
                cx.exited().await;
                Ok(())
            }),
        }
    }

    fn reload<'a, 'c, 'f>(&'a self, cx: &'c Context) -> BoxFuture<'f>
    where
        'a: 'f,
        'c: 'f,
        Self: 'f,
    {
        match self {
            Some(service) => service.reload(cx),
            None => Box::pin(async { Ok(()) }),
        }
    }

    fn __nature(&self, sealed: Sealed) -> Nature {
        match self {
            Some(service) => service.__nature(sealed),
            None => Nature {
                shape: Shape::Idle,
                task_need: TaskNeed::Never,
                is_disabled: true,
                in_background: false,
            },
        }
    }

    fn __inner(&self, path: &Name, sealed: Sealed) -> Option<Inner> {
        self.as_ref()?.__inner(path, sealed)
    }

    fn __abandon(&self, cx: &Context, sealed: Sealed) {
        if let Some(service) = self {
            service.__abandon(cx, sealed);
        }
    }
}

async fn be_idle(cx: &Context) -> Result {
    cx.take_shape(Shape::Idle, true);
    cx.show_ready();
    cx.run().stop.closed().await;
    Ok(())
}
