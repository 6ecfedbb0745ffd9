//! A connection to one endpoint: a request, and its answer.

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::attempts::Call;
use super::message::Refusal;
use crate::error::EtcdError;
use crate::settings::Endpoint;

/// What an answer may have. A transaction of this library reads two keys at most.
const LONGEST_ANSWER: usize = 8 * 1024 * 1024;

pub(super) struct Connection {
    requests: SendRequest<Full<Bytes>>,
}

/// A way to encrypt, where there is one.
#[cfg(feature = "tls")]
pub(super) type Encryption = std::sync::Arc<rustls::ClientConfig>;
#[cfg(not(feature = "tls"))]
pub(super) type Encryption = std::convert::Infallible;

/// What is asked for.
pub(super) struct Message<'a> {
    what: &'static str,
    path: &'static str,
    body: Bytes,
    token: Option<&'a str>,
    pub(super) repeatable: bool,
}

impl<'a> Message<'a> {
    pub(super) fn new(
        call: Call,
        path: &'static str,
        body: &Bytes,
        token: Option<&'a str>,
    ) -> Self {
        Self {
            what: call.what,
            path,
            body: body.clone(),
            token,
            repeatable: call.repeatable,
        }
    }
}

impl Connection {
    pub(super) async fn open(
        endpoint: &Endpoint,
        encryption: Option<Encryption>,
    ) -> Result<Self, EtcdError> {
        let connected = TcpStream::connect((endpoint.host.as_str(), endpoint.port)).await;
        let stream = connected.map_err(|error| EtcdError::connect(endpoint, error))?;
        let _ = stream.set_nodelay(true);
        #[cfg(feature = "tls")]
        if let Some(config) = encryption {
            let stream = crate::tls::encrypt(config, endpoint, stream).await?;
            return Self::begin(endpoint, stream).await;
        }
        let _ = encryption;
        Self::begin(endpoint, stream).await
    }

    async fn begin<S>(endpoint: &Endpoint, stream: S) -> Result<Self, EtcdError>
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    {
        let begun = handshake(TokioIo::new(stream)).await;
        let (requests, connection) = begun.map_err(|error| EtcdError::connect(endpoint, error))?;
        // It ends with `requests` and what is left of an answer.
        tokio::spawn(async move {
            let _ = connection.await;
        });
        Ok(Self { requests })
    }

    /// Whether it can be asked, as far as is known.
    pub(super) async fn is_open(&mut self) -> bool {
        self.requests.ready().await.is_ok()
    }

    /// Sends it, and gives the answer with its body still to come.
    pub(super) async fn send(
        &mut self,
        endpoint: &Endpoint,
        message: &Message<'_>,
    ) -> Result<Response<Incoming>, EtcdError> {
        let mut request = Request::post(format!("{}{}", endpoint.path, message.path))
            .header(HOST, endpoint.to_string())
            .header(CONTENT_TYPE, "application/json");
        if let Some(token) = message.token {
            request = request.header(AUTHORIZATION, token);
        }
        let request = request
            .body(Full::new(message.body.clone()))
            .map_err(|error| EtcdError::connect(endpoint, error))?;
        let answered = self.requests.send_request(request).await;
        let answer = answered.map_err(|error| EtcdError::broken(endpoint, error))?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        let status = answer.status().as_u16();
        let refusal = read(endpoint, answer).await?;
        Err(match serde_json::from_slice::<Refusal>(&refusal) {
            Ok(refusal) => EtcdError::Refused {
                what: message.what,
                code: refusal.code,
                message: refusal.sentence(),
            },
            Err(_) => EtcdError::NotEtcd {
                endpoint: endpoint.to_string(),
                status,
            },
        })
    }
}

/// The whole body of an answer.
pub(super) async fn read(
    endpoint: &Endpoint,
    answer: Response<Incoming>,
) -> Result<Bytes, EtcdError> {
    let body = Limited::new(answer.into_body(), LONGEST_ANSWER)
        .collect()
        .await;
    let body = body.map_err(|error| EtcdError::broken(endpoint, error))?;
    Ok(body.to_bytes())
}
