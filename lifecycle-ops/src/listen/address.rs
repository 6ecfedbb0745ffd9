//! Where to listen: a TCP address, or the path of a Unix socket.

use std::io;
use std::net::SocketAddr;
#[cfg(unix)]
use std::path::{Path, PathBuf};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, lookup_host};

use crate::error::OpsError;

/// As it is written: `127.0.0.1:9900`, `localhost:9900`, `unix:/run/app/ops.sock`.
#[derive(Clone, Debug)]
pub(crate) struct Address(pub(crate) String);

pub(crate) enum Listener {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(UnixSocket),
}

/// A connection of either kind.
pub(crate) trait Socket: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Socket for S {}

impl Address {
    pub(crate) async fn bind(&self) -> Result<Listener, OpsError> {
        self.try_bind().await.map_err(|source| OpsError::Bind {
            address: self.0.clone(),
            source,
        })
    }

    async fn try_bind(&self) -> io::Result<Listener> {
        match self.0.strip_prefix("unix:") {
            #[cfg(unix)]
            Some(path) => Ok(Listener::Unix(UnixSocket::bind(Path::new(path)).await?)),
            #[cfg(not(unix))]
            Some(_) => Err(io::Error::from(io::ErrorKind::Unsupported)),
            None => Ok(Listener::Tcp(TcpListener::bind(&self.0).await?)),
        }
    }

    /// Whether only programs of this machine can reach it.
    pub(crate) async fn is_local(&self) -> Result<bool, OpsError> {
        if self.0.starts_with("unix:") {
            return Ok(true);
        }
        let found = lookup_host(&self.0).await;
        let mut found = found.map_err(|source| OpsError::Bind {
            address: self.0.clone(),
            source,
        })?;
        Ok(found.all(|address| address.ip().is_loopback()))
    }
}

impl Listener {
    pub(crate) async fn accept(&self) -> io::Result<Box<dyn Socket>> {
        match self {
            Self::Tcp(listener) => {
                let (socket, _) = listener.accept().await?;
                // Events are small and must not wait for each other.
                socket.set_nodelay(true)?;
                Ok(Box::new(socket))
            }
            #[cfg(unix)]
            Self::Unix(socket) => {
                let (socket, _) = socket.listener.accept().await?;
                Ok(Box::new(socket))
            }
        }
    }

    /// The address of a TCP listener; `None` for a Unix socket.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(listener) => listener.local_addr().ok(),
            #[cfg(unix)]
            Self::Unix(_) => None,
        }
    }
}

/// The file is removed with it.
#[cfg(unix)]
pub(crate) struct UnixSocket {
    listener: tokio::net::UnixListener,
    path: PathBuf,
}

#[cfg(unix)]
impl UnixSocket {
    /// Only the user that the program runs as may connect. A file that an earlier run has left is replaced,
    /// unless a program still listens there.
    async fn bind(path: &Path) -> io::Result<Self> {
        use std::os::unix::fs::PermissionsExt;

        let listener = match tokio::net::UnixListener::bind(path) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && is_left_over(path).await => {
                std::fs::remove_file(path)?;
                tokio::net::UnixListener::bind(path)?
            }
            bound => bound?,
        };
        let socket = Self {
            listener,
            path: path.to_owned(),
        };
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
        Ok(socket)
    }
}

#[cfg(unix)]
async fn is_left_over(path: &Path) -> bool {
    let connected = tokio::net::UnixStream::connect(path).await;
    connected.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}

#[cfg(unix)]
impl Drop for UnixSocket {
    fn drop(&mut self) {
        // Somebody else may have removed it.
        let _ = std::fs::remove_file(&self.path);
    }
}
