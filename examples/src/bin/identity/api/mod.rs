//! `api`: the HTTP server. Bound before it counts as running; on a stop it takes no new requests and answers those it
//! has.

mod refusal;
mod routes;

use std::sync::Arc;

use lifecycle::{Context, Result, Worker, service};
use tokio::{net::TcpListener, sync::Mutex};
use tracing::info;

use self::routes::App;
use crate::{config, tokenizer::Tokenizer, users::Users};

#[service(worker)]
pub struct Api {
    cfg: config::Api,
    app: App,
    /// On its way from `startup` to `run`.
    listener: Mutex<Option<TcpListener>>,
}

impl Api {
    pub fn new(cfg: config::Api, users: Arc<Users>, tokenizer: Arc<dyn Tokenizer>) -> Self {
        Self {
            cfg,
            app: App { users, tokenizer },
            listener: Mutex::default(),
        }
    }
}

impl Worker for Api {
    async fn startup(&self, _: &Context) -> Result {
        let address = self.cfg.listen;
        let listener = TcpListener::bind(address)
            .await
            .map_err(|error| format!("can't listen on {address}: {error}"))?;
        info!(address = %listener.local_addr()?, "listening");
        *self.listener.lock().await = Some(listener);
        Ok(())
    }

    async fn run(&self, cx: &Context) -> Result {
        let listener = self.listener.lock().await.take().ok_or("not bound")?;
        let stop = cx.stop_channel();
        axum::serve(listener, routes::router(self.app.clone(), cx.handle()))
            .with_graceful_shutdown(async move { stop.closed().await })
            .await?;
        Ok(())
    }
}
