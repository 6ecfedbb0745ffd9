//! What etcd tells of keys for as long as somebody waits for it: one line of JSON for each news, in an answer that does not end.

use http::Response;
use http_body_util::BodyExt;
use hyper::body::Incoming;

use super::connection::Connection;
use super::message::{WatchResult, Watched};

/// Ends, at etcd too, with the value.
pub(crate) struct Watch {
    body: Incoming,
    /// What has come of the next line.
    line: Vec<u8>,
    /// What a connection carries ends with it.
    _connection: Connection,
}

impl Watch {
    pub(super) fn new(connection: Connection, answer: Response<Incoming>) -> Self {
        Self {
            body: answer.into_body(),
            line: Vec::new(),
            _connection: connection,
        }
    }

    /// The next news; `None`: there is no more, because the connection broke, or the member is ending.
    ///
    /// # Cancellation safety
    ///
    /// A call that is dropped loses nothing.
    pub(crate) async fn next(&mut self) -> Option<WatchResult> {
        loop {
            if let Some(end) = self.line.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.line.drain(..=end).collect();
                let told: Watched = serde_json::from_slice(&line).ok()?;
                return told.error.is_none().then_some(told.result);
            }
            let frame = self.body.frame().await?.ok()?;
            if let Some(data) = frame.data_ref() {
                self.line.extend_from_slice(data);
            }
        }
    }
}
