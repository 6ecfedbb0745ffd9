//! What an application names: where its PostgreSQL is.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::link::Link;
use crate::settings::Settings;

/// Leases and memory on a PostgreSQL: for `leases = ..` and `memory = ..` of a registry.
///
/// Nothing happens before the first use: a registry asks on its own time, and an error is then an error of the service that needs a lease. It has
/// one connection of its own, never one of the application's pool, makes it again when it is lost, and shares it among clones.
/// The connection ends with the last clone.
///
/// ```no_run
/// use lifecycle_postgres::Postgres;
///
/// let leases = Postgres::connect("postgres://app@db.internal/app").namespace("identity");
/// ```
#[derive(Clone)]
pub struct Postgres {
    pub(crate) link: Arc<Link>,
    pub(crate) namespace: Arc<str>,
}

impl Postgres {
    /// The PostgreSQL at this URL (`postgres://user:password@host/database`), or with these `key=value` settings. Several hosts may be given, with
    /// `target_session_attrs=read-write` for the primary among them.
    ///
    /// It must reach the server itself, or a pooler in session mode: what one transaction sets is to hold for the next, and a notification is for a connection.
    ///
    /// A malformed URL is an error of the first use, and [permanent](lifecycle::permanent).
    #[must_use]
    pub fn connect(url: impl AsRef<str>) -> Self {
        Self::of(Settings::new(url.as_ref()), "".into())
    }

    /// What is put before the names of services: two applications that share a database don't share leases. Empty unless it is set.
    #[must_use]
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = namespace.into().into();
        self
    }

    /// How long one call may take, and an attempt to connect; 5 s unless it is set. What is asked for a lease may take a third of its term at most.
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Self {
        self.with(|settings| settings.timeout = timeout.max(Duration::from_millis(1)))
    }

    /// Does not create tables: an administrator runs the [migrations](crate::statements::MIGRATIONS).
    #[must_use]
    pub fn without_migrations(self) -> Self {
        self.with(|settings| settings.migrate = false)
    }

    /// Trusts these certificates (PEM) in place of the system's: those of a private or a provider's authority.
    ///
    /// With this feature a connection is encrypted where the server can, always with `sslmode=require`, never with `sslmode=disable`. Where it
    /// is, the server's certificate must be valid for the host of the URL.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn root_certificates(self, pem: impl Into<Vec<u8>>) -> Self {
        let pem: Vec<u8> = pem.into();
        self.with(|settings| settings.roots = Some(pem.into()))
    }

    /// What is set is set for this value: clones that were made before keep theirs, and their connection.
    fn with(self, set: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = self.link.settings.clone();
        set(&mut settings);
        Self::of(settings, self.namespace)
    }

    fn of(settings: Settings, namespace: Arc<str>) -> Self {
        Self {
            link: Arc::new(Link::new(settings)),
            namespace,
        }
    }
}

/// Where it connects to; the password is not shown.
impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Postgres")
            .field("at", &self.link.settings)
            .field("namespace", &self.namespace)
            .finish_non_exhaustive()
    }
}
