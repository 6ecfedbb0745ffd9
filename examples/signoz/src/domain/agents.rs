//! Collectors that are told their configuration. The protocol: an agent sends `name version`, a line; it gets the
//! configuration, a line, and again each time it changes.

use std::{collections::BTreeMap, io, net::SocketAddr, sync::Mutex, time::Duration};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    select,
    sync::watch,
    time::{sleep, timeout},
};
use tracing::warn;

use super::lock;

/// How long a new connection may take to say who it is, and an agent to take a line.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest line that is read.
const LINE: u64 = 1024;

pub struct Agents {
    /// What each has said of itself, by its address.
    connected: Mutex<BTreeMap<SocketAddr, String>>,
    configuration: watch::Sender<String>,
}

/// Gone with the connection, however that ends.
struct Connected<'a>(&'a Agents, SocketAddr);

impl Drop for Connected<'_> {
    fn drop(&mut self) {
        lock(&self.0.connected).remove(&self.1);
    }
}

impl Default for Agents {
    fn default() -> Self {
        Self {
            connected: Mutex::default(),
            configuration: watch::Sender::new("receivers: []".to_owned()),
        }
    }
}

impl Agents {
    pub fn list(&self) -> BTreeMap<SocketAddr, String> {
        lock(&self.connected).clone()
    }

    /// Every agent gets it, now or when it connects.
    pub fn configure(&self, configuration: &str) {
        self.configuration
            .send_replace(configuration.replace('\n', "; "));
    }

    /// Serves one agent until it hangs up.
    pub async fn converse(&self, mut connection: TcpStream) -> io::Result<()> {
        let address = connection.peer_addr()?;
        let (input, mut output) = connection.split();
        let mut input = BufReader::new(input.take(LINE));
        let mut hello = String::new();
        timeout(PATIENCE, input.read_line(&mut hello)).await??;
        let hello = hello.trim().to_owned();
        if hello.is_empty() {
            return Err(io::Error::other(
                "an agent begins with its name and version",
            ));
        }
        lock(&self.connected).insert(address, hello);
        let _connected = Connected(self, address);

        let mut configuration = self.configuration.subscribe();
        let mut input = input.into_inner().into_inner();
        loop {
            let line = format!("{}\n", *configuration.borrow_and_update());
            timeout(PATIENCE, output.write_all(line.as_bytes())).await??;
            let mut ignored = [0; 64];
            loop {
                select! {
                    changed = configuration.changed() => match changed {
                        Ok(()) => break,
                        Err(_) => return Ok(()),
                    },
                    // Heartbeats, and the end.
                    read = input.read(&mut ignored) => if read? == 0 { return Ok(()) },
                }
            }
        }
    }
}

/// The next connection. That no descriptor is left, or that a client has gone again, passes.
pub async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((connection, _)) => return connection,
            Err(error) => {
                warn!(%error, "can't accept");
                sleep(Duration::from_millis(100)).await;
            }
        }
    }
}
