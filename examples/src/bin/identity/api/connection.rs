//! One connection: served until its client has gone, has been quiet for too long, or the server stops.

use std::{pin::pin, time::Duration};

use axum::{Router, body::Body, extract::Request};
use hyper::{
    body::Incoming,
    server::conn::http1,
    service::{Service, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use lifecycle::Context;
use tokio::{
    net::TcpStream,
    select,
    time::{Instant, sleep},
};
use tracing::debug;

use super::seats::Seat;
use crate::config;

/// How long after the stop a client may take to send the rest of a request, or to take its answer. One whose request has
/// arrived whole gets its answer.
const LINGER: Duration = Duration::from_millis(500);

/// How many bytes the head of a request can have.
const HEAD: usize = 16 * 1024;

/// What all connections have in common.
pub struct Connections {
    router: Router,
    http: http1::Builder,
    idle: Duration,
    cx: Context,
}

impl Connections {
    pub fn new(router: Router, cfg: &config::Api, cx: Context) -> Self {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(cfg.head_timeout)
            .max_buf_size(HEAD);
        Self {
            router,
            http,
            idle: cfg.idle_timeout.max(cfg.head_timeout + cfg.body_timeout),
            cx,
        }
    }

    pub fn serve(&self, stream: TcpStream, seat: Seat) -> impl Future<Output = ()> + Send + use<> {
        let router = TowerToHyperService::new(self.router.clone());
        let activity = seat.activity().clone();
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(activity.clone());
            router.call(request.map(Body::new))
        });
        let connection = self.http.serve_connection(TokioIo::new(stream), service);
        let (idle, cx) = (self.idle, self.cx.clone());

        async move {
            let mut connection = pin!(connection);
            let activity = seat.activity();
            let ended = select! {
                ended = &mut connection => ended,
                () = activity.quiet_for(idle) => return debug!("quiet for too long"),
                () = seat.needed() => return debug!("quiet, and its seat was needed"),
                () = cx.stop_channel() => {
                    connection.as_mut().graceful_shutdown();
                    select! {
                        biased;
                        ended = &mut connection => ended,
                        () = activity.quiet_for(LINGER) => return debug!("not a whole request"),
                        () = sleep(time_to_answer(&cx)) => return debug!("not answered in time"),
                    }
                }
            };
            if let Err(error) = ended {
                debug!(%error, "connection lost");
            }
        }
    }
}

/// Well before the service itself would be dropped, with all its connections and as a service that is late.
fn time_to_answer(cx: &Context) -> Duration {
    let left = cx
        .deadline()
        .map(|deadline| deadline.saturating_duration_since(Instant::now()));
    left.unwrap_or_default().mul_f64(0.6)
}
