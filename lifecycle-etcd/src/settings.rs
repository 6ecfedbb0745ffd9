//! Where etcd is, who asks, and how long a call may take.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::Uri;

use crate::error::EtcdError;

/// How long a call may take, where nothing says otherwise.
const TIMEOUT: Duration = Duration::from_secs(5);
/// What all keys begin with, where nothing says otherwise.
const PREFIX: &str = "lifecycle/";
/// The port of an endpoint that names none.
const PORT: u16 = 2379;

#[derive(Clone)]
pub(crate) struct Settings {
    /// As they were given: an error is an error of the first call, which has somebody to tell it to.
    endpoints: Result<Arc<[Endpoint]>, EtcdError>,
    pub(crate) timeout: Duration,
    pub(crate) prefix: Arc<str>,
    pub(crate) user: Option<Arc<User>>,
    #[cfg(feature = "tls")]
    pub(crate) roots: Option<Arc<[u8]>>,
    #[cfg(feature = "tls")]
    pub(crate) identity: Option<Arc<Identity>>,
}

/// A user of etcd's.
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) password: String,
}

/// What the client shows for itself: a chain of certificates and a key (PEM).
#[cfg(feature = "tls")]
pub(crate) struct Identity {
    pub(crate) certificates: Vec<u8>,
    pub(crate) key: Vec<u8>,
}

/// A member of the cluster, or what stands before it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) is_encrypted: bool,
    /// What comes before the paths of the gateway, without a slash at its end.
    pub(crate) path: String,
}

impl Settings {
    pub(crate) fn new(endpoints: &str) -> Self {
        Self {
            endpoints: parse(endpoints),
            timeout: TIMEOUT,
            prefix: PREFIX.into(),
            user: None,
            #[cfg(feature = "tls")]
            roots: None,
            #[cfg(feature = "tls")]
            identity: None,
        }
    }

    /// At least one.
    pub(crate) fn endpoints(&self) -> Result<&[Endpoint], EtcdError> {
        self.endpoints.as_deref().map_err(Clone::clone)
    }
}

fn parse(endpoints: &str) -> Result<Arc<[Endpoint]>, EtcdError> {
    let named = endpoints.split(',').map(str::trim);
    let found: Vec<_> = named
        .filter(|named| !named.is_empty())
        .map(Endpoint::parse)
        .collect::<Result<_, _>>()?;
    if found.is_empty() {
        return Err(EtcdError::Endpoint(endpoints.to_owned(), "it is empty"));
    }
    Ok(found.into())
}

impl Endpoint {
    fn parse(text: &str) -> Result<Self, EtcdError> {
        if text.contains('@') {
            // Not shown: it may be a password.
            let (_, shown) = text.rsplit_once('@').unwrap_or_default();
            let why = "a user is named by `Etcd::user`";
            return Err(EtcdError::Endpoint(format!("..@{shown}"), why));
        }
        let malformed = |why| EtcdError::Endpoint(text.to_owned(), why);
        let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
        let is_encrypted = match scheme {
            "http" => false,
            "https" if cfg!(feature = "tls") => true,
            "https" => return Err(EtcdError::NoTls(text.to_owned())),
            _ => return Err(malformed("it begins with neither `http://` nor `https://`")),
        };
        let uri: Uri = format!("http://{rest}")
            .parse()
            .map_err(|_| malformed("it is no URL"))?;
        let host = uri.host().filter(|host| !host.is_empty());
        let host = host.ok_or_else(|| malformed("it names no host"))?;
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        if authority != host && uri.port_u16().is_none() {
            return Err(malformed("its port is no number up to 65535"));
        }
        Ok(Self {
            host: host.trim_matches(['[', ']']).to_owned(),
            port: uri.port_u16().unwrap_or(PORT),
            is_encrypted,
            path: uri.path().trim_end_matches('/').to_owned(),
        })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// Where it connects to, never the password.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.endpoints {
            Err(error) => write!(f, "{error}"),
            Ok(endpoints) => f
                .debug_list()
                .entries(
                    endpoints
                        .iter()
                        .map(|endpoint| format_args!("{endpoint}").to_string()),
                )
                .finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn told(endpoints: &str) -> String {
        let settings = Settings::new(endpoints);
        let endpoints = settings.endpoints().unwrap();
        let each = endpoints.iter().map(|one| format!("{one}{}", one.path));
        each.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn endpoints_are_named_as_etcdctl_takes_them() {
        assert_eq!(told("http://a:2379, http://b:1 ,c:2,"), "a:2379 b:1 c:2");
        assert_eq!(told("10.0.0.1"), "10.0.0.1:2379");
        assert_eq!(told("http://[::1]:23"), "[::1]:23");
        assert_eq!(told("http://proxy/etcd/"), "proxy:2379/etcd");
    }

    #[test]
    fn what_is_no_endpoint_is_permanent_and_a_password_is_never_shown() {
        for endpoints in [
            "",
            " , ",
            "http://",
            "unix:///run/etcd",
            "http://a:b",
            "http://a:99999",
            "http://a:",
            "http://a b",
            "http://me:secret@a:2379",
            "a:1,http://me:secret@a:2379",
        ] {
            let settings = Settings::new(endpoints);
            let error = settings.endpoints().unwrap_err();
            assert!(error.is_permanent(), "{endpoints}: {error}");
            assert!(!format!("{error:?}{settings:?}").contains("secret"));
        }
    }

    #[test]
    #[cfg(not(feature = "tls"))]
    fn tls_that_is_not_built_in_is_no_silent_downgrade() {
        let settings = Settings::new("https://a:2379");
        assert!(matches!(settings.endpoints(), Err(EtcdError::NoTls(_))));
    }
}
