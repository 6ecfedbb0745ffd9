//! How to connect, and how long a call may take.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio_postgres::Config;
#[cfg(not(feature = "tls"))]
use tokio_postgres::config::SslMode;

use crate::error::PostgresError;

/// How long a call may take, where nothing says otherwise.
const TIMEOUT: Duration = Duration::from_secs(5);

#[derive(Clone)]
pub(crate) struct Settings {
    /// As it was given: an error is an error of the first call, which has somebody to tell it to.
    config: Result<Config, Arc<tokio_postgres::Error>>,
    pub(crate) timeout: Duration,
    pub(crate) migrate: bool,
    #[cfg(feature = "tls")]
    pub(crate) roots: Option<Arc<[u8]>>,
}

impl Settings {
    pub(crate) fn new(url: &str) -> Self {
        Self {
            config: url.parse().map_err(Arc::new),
            timeout: TIMEOUT,
            migrate: true,
            #[cfg(feature = "tls")]
            roots: None,
        }
    }

    /// What the URL says, and what it leaves out: a peer that is gone is to be noticed.
    pub(crate) fn config(&self) -> Result<Config, PostgresError> {
        let mut config = self.config.clone().map_err(PostgresError::Url)?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(PostgresError::NoHost);
        }
        #[cfg(not(feature = "tls"))]
        if config.get_ssl_mode() == SslMode::Require {
            return Err(PostgresError::NoTls);
        }
        if config.get_application_name().is_none() {
            config.application_name("lifecycle");
        }
        // The system counts in whole seconds, and refuses none.
        let probe = self.timeout.max(Duration::from_secs(1));
        config
            .connect_timeout(self.timeout)
            .tcp_user_timeout(self.timeout)
            .keepalives_idle(probe)
            .keepalives_interval(probe)
            .keepalives_retries(2);
        Ok(config)
    }

    /// What the session is to have, whatever role and database have by default. The server bounds what it is asked for by itself:
    /// a statement that it does not finish in time is of no use to anybody. A row that has changed meanwhile is looked at again, and no
    /// error. A grant that the server has told of is to survive its crash, or its token would be given out again.
    pub(crate) fn of_session(&self) -> String {
        let bound = self.timeout.as_millis().clamp(1, 2_147_483_647);
        format!(
            "set statement_timeout = {bound}; set lock_timeout = {}; \
             set idle_in_transaction_session_timeout = {bound}; \
             set default_transaction_isolation = 'read committed'; \
             select set_config('synchronous_commit', 'on', false) \
             where current_setting('synchronous_commit') in ('off', 'local')",
            bound.div_ceil(4)
        )
    }
}

/// Where it connects to, never the password.
impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use tokio_postgres::config::Host;

        let Ok(config) = &self.config else {
            return f.write_str("a malformed URL");
        };
        match config.get_hosts().first() {
            Some(Host::Tcp(host)) => f.write_str(host)?,
            #[cfg(unix)]
            Some(Host::Unix(path)) => write!(f, "{}", path.display())?,
            None => f.write_str("no host")?,
        }
        write!(f, "/{}", config.get_dbname().unwrap_or_default())
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn what_is_wrong_with_a_url_is_permanent_and_its_password_is_never_shown() {
        for url in [
            "nonsense",
            "postgres://",
            "postgres://host/db?sslmode=perhaps",
            "postgres://me:secret@host:port/db",
        ] {
            let error = Settings::new(url).config().unwrap_err();
            assert!(error.is_permanent(), "{url}: {error}");
            assert!(!format!("{error:?}").contains("secret"));
        }
        let settings = Settings::new("postgres://me:secret@host/db");
        assert_eq!(settings.to_string(), "host/db");
        assert!(!format!("{settings:?}").contains("secret"));
    }

    #[test]
    #[cfg(not(feature = "tls"))]
    fn tls_that_is_not_built_in_is_no_silent_downgrade() {
        let error = Settings::new("postgres://host/db?sslmode=require").config();
        assert!(matches!(error, Err(PostgresError::NoTls)));
    }

    /// The system counts the probes of a connection in seconds, and refuses none.
    #[test]
    fn a_timeout_below_a_second_probes_every_second() {
        let mut settings = Settings::new("postgres://host/db");
        settings.timeout = Duration::from_millis(300);
        let config = settings.config().unwrap();
        assert_eq!(config.get_keepalives_idle(), Duration::from_secs(1));
        assert_eq!(config.get_application_name(), Some("lifecycle"));
        assert!(settings.of_session().starts_with(
            "set statement_timeout = 300; set lock_timeout = 75; set idle_in_transaction_session_timeout = 300;"
        ));
    }
}
