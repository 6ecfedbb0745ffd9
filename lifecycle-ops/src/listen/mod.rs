//! From an address to connections: binds, accepts, and bounds what a client can hold.

mod address;
mod connection;
mod patience;

use std::sync::Arc;
use std::time::Duration;

use lifecycle::Context;
use tokio::sync::Semaphore;
use tokio::time::sleep;

pub(crate) use self::address::{Address, Listener};
pub(crate) use self::connection::serve;
use crate::service::OpsService;

/// How many connections of one listener are served at once. More wait until they are accepted.
pub(crate) const MAX_CONNECTIONS: usize = 32;

/// Accepts until the service is asked to stop.
pub(crate) async fn accept(listener: &Listener, service: &OpsService, cx: &Context) {
    let free = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let stop = cx.stop_channel();
    loop {
        let next = async {
            // It is never closed.
            let place = free.clone().acquire_owned().await;
            (place, listener.accept().await)
        };
        let Some((place, accepted)) = stop.run_until_closed(next).await else {
            return;
        };
        match accepted {
            Ok(socket) => {
                let (service, stop) = (service.clone(), stop.clone());
                cx.spawn_isolated(async move {
                    let _place = place;
                    serve(socket, service, stop).await;
                });
            }
            // A client has gone again, or no descriptor is free: neither is a reason to end the application.
            Err(error) => {
                tracing::warn!(%error, "can't accept");
                let _ = stop
                    .run_until_closed(sleep(Duration::from_millis(50)))
                    .await;
            }
        }
    }
}
