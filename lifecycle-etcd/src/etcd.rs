//! What an application names: where its etcd is.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::gateway::Gateway;
use crate::observed::Observed;
#[cfg(feature = "tls")]
use crate::settings::Identity;
use crate::settings::{Settings, User};

/// Leases and memory on an etcd: for `leases = ..` and `memory = ..` of a registry.
///
/// Nothing happens before the first use: a registry asks on its own time, and an error is then an error of the service that needs a
/// lease. Clones share their connections.
///
/// ```no_run
/// use lifecycle_etcd::Etcd;
///
/// let leases = Etcd::connect("http://etcd-0:2379,http://etcd-1:2379,http://etcd-2:2379").namespace("identity");
/// ```
#[derive(Clone)]
pub struct Etcd {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) observed: Arc<Observed>,
    pub(crate) namespace: Arc<str>,
}

impl Etcd {
    /// The etcd at these endpoints, with commas between them, as `etcdctl --endpoints` takes them. The first that answers is used, in
    /// this order, until it does not answer any more; then the next.
    ///
    /// A malformed endpoint is an error of the first use, and [permanent](lifecycle::permanent).
    #[must_use]
    pub fn connect(endpoints: impl AsRef<str>) -> Self {
        Self::of(Settings::new(endpoints.as_ref()), "".into())
    }

    /// What is put before the names of services: two applications that share an etcd don't share leases. Empty unless it is set.
    #[must_use]
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = namespace.into().into();
        self
    }

    /// What all keys of this store begin with; `lifecycle/` unless it is set.
    #[must_use]
    pub fn prefix(self, prefix: impl Into<String>) -> Self {
        self.with(|settings| settings.prefix = prefix.into().into())
    }

    /// Asks as this user. The user's role must be allowed to read and write what begins with the [prefix](Self::prefix).
    #[must_use]
    pub fn user(self, name: impl Into<String>, password: impl Into<String>) -> Self {
        let (name, password) = (name.into(), password.into());
        self.with(|settings| settings.user = Some(Arc::new(User { name, password })))
    }

    /// How long one call may take, with all endpoints that it tries; 5 s unless it is set. What is asked for a lease may take a third of
    /// its term at most.
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Self {
        self.with(|settings| settings.timeout = timeout.max(Duration::from_millis(1)))
    }

    /// Trusts these certificates (PEM) in place of the system's: those of a private authority, as etcd's mostly is.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn root_certificates(self, pem: impl Into<Vec<u8>>) -> Self {
        let pem: Vec<u8> = pem.into();
        self.with(|settings| settings.roots = Some(pem.into()))
    }

    /// Shows this certificate, with the chain that vouches for it, and proves it by this key (all PEM): for an etcd with
    /// `--client-cert-auth`.
    ///
    /// etcd's JSON gateway takes no user from a certificate, so one is still named by [`user`](Self::user).
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn client_certificate(
        self,
        certificates: impl Into<Vec<u8>>,
        key: impl Into<Vec<u8>>,
    ) -> Self {
        let (certificates, key) = (certificates.into(), key.into());
        self.with(|settings| settings.identity = Some(Arc::new(Identity { certificates, key })))
    }

    /// What is set is set for this value: clones that were made before keep theirs, and their connections.
    fn with(self, set: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = self.gateway.settings.clone();
        set(&mut settings);
        Self::of(settings, self.namespace)
    }

    fn of(settings: Settings, namespace: Arc<str>) -> Self {
        Self {
            gateway: Arc::new(Gateway::new(settings)),
            observed: Arc::default(),
            namespace,
        }
    }
}

/// Where it connects to; the password is not shown.
impl fmt::Debug for Etcd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Etcd")
            .field("at", &self.gateway.settings)
            .field("namespace", &self.namespace)
            .finish_non_exhaustive()
    }
}
