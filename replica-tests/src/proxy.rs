//! A proxy that can freeze: what passes through it stays open, and nothing comes through, as when a network is cut.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::watch;

/// A proxy under way, on a thread of its own. It ends with the value.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    frozen: watch::Sender<bool>,
    runtime: Option<Runtime>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // A test may drop it within a runtime of its own, which must not wait.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Proxy {
    /// Listens, and passes on to this port of the machine's own.
    ///
    /// # Panics
    ///
    /// When it can't listen.
    pub fn to(port: u16) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let frozen = watch::Sender::new(false);
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let listens = listener.local_addr().unwrap().port();
        let within = runtime.enter();
        let listener = TcpListener::from_std(listener).unwrap();
        drop(within);
        runtime.spawn(serve(listener, port, frozen.subscribe()));
        Self {
            port: listens,
            frozen,
            runtime: Some(runtime),
        }
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Nothing comes through from now on, and nothing is closed.
    pub fn freeze(&self) {
        self.frozen.send_replace(true);
    }

    /// What has waited comes through.
    pub fn thaw(&self) {
        self.frozen.send_replace(false);
    }
}

async fn serve(listener: TcpListener, port: u16, frozen: watch::Receiver<bool>) {
    while let Ok((client, _)) = listener.accept().await {
        let frozen = frozen.clone();
        tokio::spawn(async move {
            let Ok(server) = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], port))).await
            else {
                return;
            };
            let (from_client, to_client) = client.into_split();
            let (from_server, to_server) = server.into_split();
            tokio::join!(
                pass(from_client, to_server, frozen.clone()),
                pass(from_server, to_client, frozen),
            );
        });
    }
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut frozen: watch::Receiver<bool>) {
    let mut bytes = vec![0; 16 * 1024];
    loop {
        let read = from.read(&mut bytes).await.unwrap_or(0);
        if frozen.wait_for(|frozen| !frozen).await.is_err() {
            return;
        }
        if read == 0 || to.write_all(&bytes[..read]).await.is_err() {
            return;
        }
    }
}
