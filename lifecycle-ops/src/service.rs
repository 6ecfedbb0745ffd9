//! The answers as a service of tower: a request in, an answer out. The listeners serve it, and so may any router.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Poller, Poll};

use http::request::Parts;
use http::{Request, Response};
use lifecycle::{Handle, StopChannel};
use tokio::sync::Semaphore;

use crate::answer::Answer;
use crate::body::Body;
use crate::chronicle::Chronicle;
use crate::guard::{Access, Token};
use crate::routes;

/// How many streams of events there are at once.
const MAX_STREAMS: usize = 4;

/// Answers requests about an application, for a router that is served anyway:
///
/// ```
/// use axum::Router;
/// use lifecycle::Context;
/// use lifecycle_ops::Ops;
///
/// fn routes(cx: &Context) -> Router {
///     let ops = Ops::service(cx.handle())
///         .at("/ops")
///         .host("api.example.com")
///         .until(cx.stop_channel());
///     Router::new().nest_service("/ops", ops)
/// }
/// ```
///
/// It is a `tower_service::Service`. Who may ask is the same as with a [listener](crate::Ops::listen) that other
/// machines can reach: name the [`host`](Self::host), and set a [`token`](Self::token) for orders. Made in a
/// runtime, or called in one.
#[derive(Clone)]
pub struct OpsService {
    pub(crate) handle: Handle,
    pub(crate) access: Arc<Access>,
    pub(crate) side: Side,
    /// The path at which it is mounted, without a slash at its end.
    pub(crate) base: Arc<str>,
    /// The events end with it.
    pub(crate) stop: Option<StopChannel>,
    /// One place for each stream of events.
    pub(crate) streams: Arc<Semaphore>,
    pub(crate) chronicle: Arc<Chronicle>,
}

/// What is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// Everything, for people.
    Ops,
    /// Probes and metrics, for machines elsewhere.
    Probes,
}

impl OpsService {
    pub(crate) fn new(handle: Handle, access: Access, side: Side) -> Self {
        Self {
            chronicle: Arc::new(Chronicle::new(&handle)),
            handle,
            access: Arc::new(access),
            side,
            base: "".into(),
            stop: None,
            streams: Arc::new(Semaphore::new(MAX_STREAMS)),
        }
    }

    pub(crate) fn on(mut self, side: Side) -> Self {
        self.side = side;
        self
    }

    /// The path at which the router mounts it, for the links of the page. Default: none.
    #[must_use]
    pub fn at(mut self, path: &str) -> Self {
        self.base = path.trim_end_matches('/').into();
        self
    }

    /// Ends the streams of events when this channel closes. They are requests that don't end, so without it the
    /// server that serves them would wait for their clients when it stops. Take that server's own channel.
    #[must_use]
    pub fn until(mut self, stop: StopChannel) -> Self {
        self.stop = Some(stop);
        self
    }

    /// Takes orders, if there is a [`token`](Self::token) too. See [`Ops::control`](crate::Ops::control).
    #[must_use]
    pub fn control(mut self) -> Self {
        Arc::make_mut(&mut self.access).control = true;
        self
    }

    /// Takes orders only with this secret. See [`Ops::token`](crate::Ops::token).
    #[must_use]
    pub fn token(mut self, token: impl Into<String>) -> Self {
        Arc::make_mut(&mut self.access).token = Some(Token(token.into()));
        self
    }

    /// Also answers requests that are addressed to this host name. See [`Ops::host`](crate::Ops::host).
    #[must_use]
    pub fn host(mut self, name: impl Into<String>) -> Self {
        let name = name.into().to_ascii_lowercase();
        Arc::make_mut(&mut self.access).hosts.push(name);
        self
    }

    /// Counts how long ticks take. See [`Ops::histogram`](crate::Ops::histogram). Without a listener the events are
    /// looked at when something is asked for, so of more than 1,000 between two scrapes it misses some.
    #[must_use]
    pub fn histogram(self) -> Self {
        self.chronicle.count_durations();
        self
    }

    pub(crate) async fn answer<B>(&self, request: Request<B>) -> Answer {
        let (parts, body) = request.into_parts();
        // No route reads one.
        drop(body);
        self.answer_to(&parts).await
    }

    async fn answer_to(&self, parts: &Parts) -> Answer {
        match routes::answer(self, parts).await {
            Ok(answer) | Err(answer) => answer,
        }
    }
}

impl<B> tower_service::Service<Request<B>> for OpsService {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Poller<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (parts, _) = request.into_parts();
        let service = self.clone();
        Box::pin(async move { Ok(service.answer_to(&parts).await) })
    }
}

impl fmt::Debug for OpsService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpsService")
            .field("access", &self.access)
            .field("side", &self.side)
            .field("base", &self.base)
            .finish_non_exhaustive()
    }
}
