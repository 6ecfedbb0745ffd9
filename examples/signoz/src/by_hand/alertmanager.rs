use std::{collections::HashMap, mem, sync::Arc, time::Duration};

use lifecycle::{BoxError, Result, async_trait};
use tokio::{
    select,
    sync::Mutex,
    task::JoinHandle,
    time::{Instant, interval_at},
};
use tokio_util::sync::CancellationToken;
use tracing::error;

use super::{Service, alertmanager_server::AlertmanagerServer};
use crate::domain::alerts::Receivers;

type Server = (Arc<AlertmanagerServer>, JoinHandle<Result>);

pub struct Alertmanager {
    poll: Duration,
    maintenance: Duration,
    receivers: Arc<Receivers>,
    servers: Mutex<HashMap<String, Server>>,
    stop: CancellationToken,
    synced: CancellationToken,
    done: CancellationToken,
}

impl Alertmanager {
    pub fn new(poll: Duration, maintenance: Duration, receivers: Arc<Receivers>) -> Self {
        Self {
            poll,
            maintenance,
            receivers,
            servers: Mutex::default(),
            stop: CancellationToken::new(),
            synced: CancellationToken::new(),
            done: CancellationToken::new(),
        }
    }

    async fn sync(&self) -> Result {
        let changes = self.receivers.changes().await?;
        let mut servers = self.servers.lock().await;
        for organization in changes.gone {
            self.receivers.remove(&organization);
            if let Some(server) = servers.remove(&organization) {
                stop_server(server).await?;
            }
        }
        for (organization, receiver) in changes.new {
            let server = AlertmanagerServer::new(self.maintenance, receiver.clone());
            let server = Arc::new(server);
            let starting = server.clone();
            let mut task = tokio::spawn(async move { starting.start().await });
            select! {
                () = server.healthy() => {}
                ended = &mut task => {
                    ended??;
                    return Err("a server ended before it was up".into());
                }
            }
            servers.insert(organization.clone(), (server, task));
            self.receivers.insert(&organization, receiver);
        }
        Ok(())
    }
}

async fn stop_server((server, task): Server) -> Result {
    let stopped = server.stop().await;
    task.await??;
    stopped
}

#[async_trait]
impl Service for Alertmanager {
    async fn start(&self) -> Result {
        let _done = self.done.clone().drop_guard();
        self.sync().await?;
        self.synced.cancel();
        let mut ticker = interval_at(Instant::now() + self.poll, self.poll);
        loop {
            select! {
                biased;
                () = self.stop.cancelled() => return Ok(()),
                _ = ticker.tick() => {}
            }
            if let Err(error) = self.sync().await {
                error!(%error, "not synced");
            }
        }
    }

    async fn stop(&self) -> Result {
        self.stop.cancel();
        self.done.cancelled().await;
        let servers = mem::take(&mut *self.servers.lock().await);
        let mut first: Option<BoxError> = None;
        for server in servers.into_values() {
            if let Err(error) = stop_server(server).await {
                first.get_or_insert(error);
            }
        }
        first.map_or(Ok(()), Err)
    }

    async fn healthy(&self) {
        self.synced.cancelled().await;
    }
}
