//! The service of the registry: listens, and serves what [`OpsService`] answers.

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};

use lifecycle::{Context, Handle, Result, Server, service};

use crate::error::OpsError;
use crate::guard::{Access, Token};
use crate::listen::{Address, Listener, accept};
use crate::service::{OpsService, Side};

/// Shows the application it is registered in: probes, states, metrics, events, a page.
///
/// ```no_run
/// # use lifecycle::{Idle, Registry, registry, service};
/// use lifecycle_ops::Ops;
/// # #[service(idle)] struct Store;
/// # impl Idle for Store {}
///
/// # fn program() -> Registry {
/// registry! {
///     "ops" => Ops::listen("127.0.0.1:9900").probes("0.0.0.0:9901"), before = all,
///     "store" => Store,
/// }
/// # }
/// ```
///
/// See the [crate's page](crate) for the routes and for who may ask.
#[service(server)]
#[must_use = "it does nothing until it is registered"]
pub struct Ops {
    address: Address,
    probes: Option<Address>,
    access: Access,
    has_histogram: bool,
    bound: Mutex<Bound>,
}

/// Where the current run listens.
#[derive(Clone, Copy, Debug, Default)]
struct Bound {
    address: Option<SocketAddr>,
    probes: Option<SocketAddr>,
}

/// What `bind` hands to `serve`.
pub struct Listeners {
    ops: (Listener, OpsService),
    probes: Option<(Listener, OpsService)>,
}

impl Ops {
    /// Listens on this address: `127.0.0.1:9900`, `localhost:9900`, or the path of a Unix socket,
    /// `unix:/run/app/ops.sock`, to which only the program's own user can connect.
    ///
    /// An address that other machines can reach is refused at the start, unless a [`host`](Self::host) is
    /// named by which they may ask. Port 0 is any free one: see [`address`](Self::address).
    pub fn listen(address: impl Into<String>) -> Self {
        Self {
            address: Address(address.into()),
            probes: None,
            access: Access::default(),
            has_histogram: false,
            bound: Mutex::default(),
        }
    }

    /// Answers probes and `/metrics`, and nothing else, on this address too. It may be one that other
    /// machines can reach: names and states are shown there, but no error and nothing that steers.
    pub fn probes(mut self, address: impl Into<String>) -> Self {
        self.probes = Some(Address(address.into()));
        self
    }

    /// Takes orders: ticks, restarts, the stop. Off by default. On an address that other machines can reach
    /// it needs a [`token`](Self::token).
    pub fn control(mut self) -> Self {
        self.access.control = true;
        self
    }

    /// Takes orders only with this secret, as `Authorization: Bearer <token>`. It is compared in constant
    /// time, and shows nowhere. Visible ASCII characters; checked at the start.
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.access.token = Some(Token(token.into()));
        self
    }

    /// Also answers requests that are addressed to this host name, such as `ops.example.com`, whatever their
    /// port. Those to a loopback name always are, and those to the probes whatever their host. Every other
    /// name is refused, because a browser may have been tricked into it.
    pub fn host(mut self, name: impl Into<String>) -> Self {
        self.access.hosts.push(name.into().to_ascii_lowercase());
        self
    }

    /// Counts how long the ticks of each schedule take, as the histogram `lifecycle_tick_duration_seconds` in
    /// `/metrics`: 16 lines for each schedule. Off by default. It counts from when the service is up, and of a burst
    /// of more than 1,000 events at once it may miss some.
    pub fn histogram(mut self) -> Self {
        self.has_histogram = true;
        self
    }

    /// The same without a listener, for a router that is served anyway: see [`OpsService`].
    #[must_use]
    pub fn service(handle: Handle) -> OpsService {
        OpsService::new(handle, Access::default(), Side::Ops)
    }

    /// Where it listens: the port that was given for port 0. `None` while it does not run, and for a Unix
    /// socket.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        self.bound().address
    }

    /// Where it answers [probes](Self::probes), likewise.
    #[must_use]
    pub fn probes_address(&self) -> Option<SocketAddr> {
        self.bound().probes
    }

    fn bound(&self) -> Bound {
        *self.bound.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_bound(&self, bound: Bound) {
        *self.bound.lock().unwrap_or_else(PoisonError::into_inner) = bound;
    }

    /// What is allowed on the address, if that is sound.
    async fn check(&self) -> Result<Access, OpsError> {
        if let Some(Token(token)) = &self.access.token {
            if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(OpsError::Token);
            }
        }
        let is_local = self.address.is_local().await?;
        let address = || self.address.0.clone();
        if !is_local && self.access.hosts.is_empty() {
            return Err(OpsError::Exposed(address()));
        }
        let access = Access {
            is_local,
            ..self.access.clone()
        };
        if access.control && !access.takes_orders() {
            return Err(OpsError::Unguarded(address()));
        }
        Ok(access)
    }
}

impl Server for Ops {
    type Bound = Listeners;

    async fn bind(&self, cx: &Context) -> Result<Listeners> {
        let access = self.check().await?;
        let mut service = OpsService::new(cx.handle(), access, Side::Ops).until(cx.stop_channel());
        if self.has_histogram {
            service = service.histogram();
        }
        let ops = self.address.bind().await?;
        let probes = match &self.probes {
            None => None,
            Some(address) => Some((address.bind().await?, service.clone().on(Side::Probes))),
        };
        self.set_bound(Bound {
            address: ops.address(),
            probes: probes.as_ref().and_then(|(listener, _)| listener.address()),
        });
        let shown = ops.address().map(|address| address.to_string());
        let address = shown.unwrap_or_else(|| self.address.0.clone());
        tracing::info!(%address, "ops listens");
        Ok(Listeners {
            ops: (ops, service),
            probes,
        })
    }

    async fn serve(&self, bound: Listeners, cx: &Context) -> Result {
        let (listener, service) = &bound.ops;
        let probes = async {
            if let Some((listener, service)) = &bound.probes {
                accept(listener, service, cx).await;
            }
        };
        let work = async { tokio::join!(accept(listener, service, cx), probes) };
        tokio::select! {
            _ = work => {}
            // Ends with the application, which is after this service.
            () = service.chronicle.follow() => std::future::pending().await,
        }
        self.set_bound(Bound::default());
        Ok(())
    }
}

impl fmt::Debug for Ops {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ops")
            .field("address", &self.address)
            .field("probes", &self.probes)
            .field("access", &self.access)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Listeners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listeners").finish_non_exhaustive()
    }
}
