use std::{sync::Arc, time::Duration};

use lifecycle::{Result, async_trait};
use tokio::{net::TcpListener, select, task::JoinSet, time::sleep};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::Service;
use crate::domain::agents::{Agents, accept};

pub struct OpAmp {
    listen: String,
    agents: Arc<Agents>,
    stop: CancellationToken,
    bound: CancellationToken,
    done: CancellationToken,
}

impl OpAmp {
    pub fn new(listen: String, agents: Arc<Agents>) -> Self {
        Self {
            listen,
            agents,
            stop: CancellationToken::new(),
            bound: CancellationToken::new(),
            done: CancellationToken::new(),
        }
    }

    async fn bind(&self) -> TcpListener {
        let mut wait = Duration::from_millis(100);
        loop {
            match TcpListener::bind(&self.listen).await {
                Ok(listener) => return listener,
                Err(error) => warn!(%error, "trying again"),
            }
            sleep(wait).await;
            wait = (2 * wait).min(Duration::from_secs(5));
        }
    }
}

#[async_trait]
impl Service for OpAmp {
    async fn start(&self) -> Result {
        let _done = self.done.clone().drop_guard();
        let listener = select! {
            () = self.stop.cancelled() => return Ok(()),
            listener = self.bind() => listener,
        };
        info!(address = %listener.local_addr()?, "opamp listens");
        self.bound.cancel();
        let mut connections = JoinSet::new();
        loop {
            let connection = select! {
                () = self.stop.cancelled() => break,
                connection = accept(&listener) => connection,
                Some(ended) = connections.join_next() => {
                    match ended {
                        Ok(Some(Err(error))) => warn!(%error, "an agent"),
                        Err(error) => warn!(%error, "an agent's task"),
                        Ok(None | Some(Ok(()))) => {}
                    }
                    continue;
                }
            };
            let (agents, stop) = (self.agents.clone(), self.stop.clone());
            connections.spawn(async move {
                let conversation = agents.converse(connection);
                stop.run_until_cancelled(conversation).await
            });
        }
        while connections.join_next().await.is_some() {}
        Ok(())
    }

    async fn stop(&self) -> Result {
        self.stop.cancel();
        self.done.cancelled().await;
        Ok(())
    }

    async fn healthy(&self) {
        self.bound.cancelled().await;
    }
}
