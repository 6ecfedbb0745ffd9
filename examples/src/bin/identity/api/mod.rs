//! `api`: the HTTP server. Bound before it counts as running; on a stop it takes no new requests and answers those it
//! has.

mod activity;
mod connection;
mod refusal;
mod routes;
mod seats;

use std::{sync::Arc, time::Duration};

use lifecycle::{Context, Result, Server, service};
use tokio::{
    net::{TcpListener, TcpStream},
    select,
    task::{JoinError, JoinSet},
    time::sleep,
};
use tracing::{error, info, warn};

use self::{connection::Connections, routes::App, seats::Seats};
use crate::{config, tokenizer::Tokenizer, users::Users};

/// How many descriptors are for anything but connections: the database, its journals, the spans, the runtime's own.
const OTHER_FILES: usize = 32;

#[service(server)]
pub struct Api {
    cfg: config::Api,
    app: App,
}

impl Api {
    pub fn new(cfg: config::Api, users: Arc<Users>, tokenizer: Arc<dyn Tokenizer>) -> Self {
        Self {
            cfg,
            app: App { users, tokenizer },
        }
    }
}

impl Api {
    /// How many connections there can be: what the settings allow, less where the process may not have so many
    /// descriptors. Without one, a new connection could not even be accepted to take a silent one's seat.
    fn room(&self) -> usize {
        let wanted = self.cfg.connections.get();
        let room = descriptors().map_or(wanted, |descriptors| {
            wanted.min(descriptors.saturating_sub(OTHER_FILES).max(1))
        });
        if room < wanted {
            warn!(wanted, room, "fewer connections than set: see `ulimit -n`");
        }
        room
    }
}

#[cfg(unix)]
fn descriptors() -> Option<usize> {
    use rustix::process::{Resource, getrlimit};

    usize::try_from(getrlimit(Resource::Nofile).current?).ok()
}

#[cfg(not(unix))]
fn descriptors() -> Option<usize> {
    None
}

impl Server for Api {
    type Bound = TcpListener;

    async fn bind(&self, _: &Context) -> Result<TcpListener> {
        let address = self.cfg.listen;
        let listener = TcpListener::bind(address)
            .await
            .map_err(|error| format!("can't listen on {address}: {error}"))?;
        info!(address = %listener.local_addr()?, "listening");
        Ok(listener)
    }

    /// What happens on one connection is no failure of the service, not even a panic: any client can open one.
    async fn serve(&self, listener: TcpListener, cx: &Context) -> Result {
        let router = routes::router(self.app.clone(), &self.cfg, cx.handle());
        let connections = Connections::new(router, &self.cfg, cx.clone());
        let seats = Seats::new(self.room());
        self.app.users.set_open(true);

        let mut serving = JoinSet::new();
        loop {
            select! {
                () = cx.stop_channel() => break,
                Some(ended) = serving.join_next() => note(ended),
                stream = accept(&listener, &seats) => if let Some(seat) = seats.take() {
                    serving.spawn(connections.serve(stream, seat));
                },
            }
        }
        drop(listener);
        self.app.users.set_open(false);
        while let Some(ended) = serving.join_next().await {
            note(ended);
        }
        Ok(())
    }
}

/// The next connection. Where the system has no descriptor left, the connection that has been quiet for longest gives up
/// its own.
async fn accept(listener: &TcpListener, seats: &Seats) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(error) => {
                warn!(%error, "can't accept a connection");
                seats.vacate();
                sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

fn note(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        error!(%error, "a connection failed");
    }
}
