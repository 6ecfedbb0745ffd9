//! One connection: HTTP/1.1, with bounds on what its client can hold.

use std::pin::pin;
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use lifecycle::StopChannel;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

use super::patience::Patient;
use crate::service::OpsService;

/// How long a client may take for the first line and the headers of a request, and between requests.
const HEADER_TIME: Duration = Duration::from_secs(2);

/// How long the first line and the headers may be together.
const HEADER_SIZE: usize = 8 * 1024;

/// How long an answer that is under way at the stop may take.
const STOP_GRACE: Duration = Duration::from_millis(500);

/// Serves a connection to its end, or to the end of the service.
pub(crate) async fn serve<S>(socket: S, service: OpsService, stop: StopChannel)
where
    S: AsyncRead + AsyncWrite + Send + Unpin,
{
    let answer = service_fn(move |request: Request<Incoming>| {
        let service = service.clone();
        async move { Ok::<_, std::convert::Infallible>(service.answer(request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIME)
        .max_buf_size(HEADER_SIZE)
        .serve_connection(TokioIo::new(Patient::new(socket)), answer);
    let mut connection = pin!(connection);
    // An error is the client's: it has gone, was too slow, or does not speak HTTP. It has its answer, where
    // there is one.
    if stop.run_until_closed(connection.as_mut()).await.is_none() {
        connection.as_mut().graceful_shutdown();
        let _ = timeout(STOP_GRACE, connection).await;
    }
}
