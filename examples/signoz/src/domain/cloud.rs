//! The vendor's API, as a client sees it: a path, a JSON body, a JSON answer.

use std::{io, sync::OnceLock, time::Duration};

use lifecycle::async_trait;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{error::Elapsed, timeout},
};

const PATIENCE: Duration = Duration::from_secs(5);

#[async_trait]
pub trait Cloud: Send + Sync + 'static {
    async fn call(&self, path: &str, body: Value) -> Result<Value, CloudError>;
}

#[derive(Debug, thiserror::Error)]
pub enum CloudError {
    #[error("its address is not known yet")]
    NoAddress,
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("no answer in time")]
    Late(#[from] Elapsed),
    #[error("it answered `{0}`")]
    Refused(String),
    #[error("not JSON: {0}")]
    Malformed(#[from] serde_json::Error),
}

/// The API behind an address, which is known at the latest when a server in this process has bound it.
#[derive(Default)]
pub struct HttpCloud {
    address: OnceLock<String>,
}

impl HttpCloud {
    pub fn is_at(&self, address: &str) {
        self.address.get_or_init(|| address.to_owned());
    }

    async fn exchange(&self, path: &str, body: &Value) -> Result<String, CloudError> {
        let address = self.address.get().ok_or(CloudError::NoAddress)?;
        let body = body.to_string();
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut connection = TcpStream::connect(address).await?;
        connection.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        connection.read_to_string(&mut answer).await?;
        Ok(answer)
    }
}

#[async_trait]
impl Cloud for HttpCloud {
    async fn call(&self, path: &str, body: Value) -> Result<Value, CloudError> {
        let answer = timeout(PATIENCE, self.exchange(path, &body)).await??;
        match answer.split_once("\r\n\r\n") {
            Some((head, body)) if head.starts_with("HTTP/1.1 200") => {
                Ok(serde_json::from_str(body)?)
            }
            _ => Err(CloudError::Refused(
                answer.lines().next().unwrap_or_default().to_owned(),
            )),
        }
    }
}
