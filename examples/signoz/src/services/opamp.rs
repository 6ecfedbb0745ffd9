//! `opamp`: tells collectors their configuration. What one of them does wrong is nobody else's failure.

use std::sync::Arc;

use lifecycle::{Context, Result, Server, service};
use tokio::{net::TcpListener, select};
use tracing::info;

use crate::domain::agents::{Agents, accept};

#[service(server, startup(retry = "100ms..5s"))]
pub struct OpAmp {
    pub listen: String,
    pub agents: Arc<Agents>,
}

impl Server for OpAmp {
    type Bound = TcpListener;

    async fn bind(&self, _: &Context) -> Result<TcpListener> {
        let listener = TcpListener::bind(&self.listen).await?;
        info!(address = %listener.local_addr()?, "opamp listens");
        Ok(listener)
    }

    async fn serve(&self, listener: TcpListener, cx: &Context) -> Result {
        loop {
            let connection = select! {
                () = cx.stop_channel() => return Ok(()),
                connection = accept(&listener) => connection,
            };
            let (agents, stop) = (self.agents.clone(), cx.stop_channel());
            cx.spawn_isolated(async move {
                let conversation = agents.converse(connection);
                stop.run_until_closed(conversation).await.transpose()?;
                Ok(())
            });
        }
    }
}
