//! Asks etcd by its JSON gateway: at the endpoint that answers, as the user there is, and bounded in time.
//!
//! # Invariants
//!
//! - A request may be sent again, to another member or once more to the same, for each is either a question, or one transaction whose
//!   second success changes nothing: the take of a lease and the begin of a point know their own writing again. One that is not so
//!   says so by [`Call::at_most_once`].
//! - The lock of `token` is held while one caller signs in, so that the others wait for its token and don't sign in too; each of
//!   them gives up in its own time.

mod attempts;
mod connection;
pub(crate) mod message;
mod pool;
mod watch;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::{Mutex, Semaphore};
use tokio::time::timeout_at;

pub(crate) use self::attempts::Call;
use self::attempts::{At, Attempts};
use self::connection::{Connection, Encryption, Message, read};
use self::message::{Authenticated, Transacted};
use self::pool::Pool;
pub(crate) use self::watch::Watch;
use crate::error::EtcdError;
use crate::settings::{Endpoint, Settings, User};

/// How many requests are under way at once.
const REQUESTS: usize = 16;

type Token = Option<Arc<str>>;

pub(crate) struct Gateway {
    pub(crate) settings: Settings,
    place: AtomicUsize,
    pool: Pool,
    token: Mutex<Token>,
    requests: Semaphore,
    #[cfg(feature = "tls")]
    encryption: std::sync::OnceLock<Result<Encryption, EtcdError>>,
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.settings.fmt(f)
    }
}

impl Gateway {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            settings,
            place: AtomicUsize::new(0),
            pool: Pool::default(),
            token: Mutex::default(),
            requests: Semaphore::new(REQUESTS),
            #[cfg(feature = "tls")]
            encryption: std::sync::OnceLock::new(),
        }
    }

    pub(crate) fn call(&self, what: &'static str) -> Call {
        Call::new(what, self.settings.timeout)
    }

    /// Carries out a transaction.
    pub(crate) async fn transact(
        &self,
        call: Call,
        transaction: &Value,
    ) -> Result<Transacted, EtcdError> {
        let (path, body) = ("/v3/kv/txn", Bytes::from(transaction.to_string()));
        let mut attempts = Attempts::new(call, self.settings.endpoints()?, &self.place);
        loop {
            let at = attempts.at();
            let sent = AtomicBool::new(false);
            let asking = self.ask(at, call, path, &body, &sent);
            let error = match timeout_at(attempts.until(), asking).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(error)) => Some(error),
                Err(_) => None,
            };
            attempts.another(at, error, sent.into_inner()).await?;
        }
    }

    /// Begins a watch, where requests are sent now. One attempt: what it tells are hints.
    pub(crate) async fn watch(&self, call: Call, watch: &Value) -> Result<Watch, EtcdError> {
        let body = Bytes::from(watch.to_string());
        let at = Attempts::new(call, self.settings.endpoints()?, &self.place).at();
        let watching = async {
            let token = self.token(at).await?;
            // Not one of those that are kept: it is not free again.
            let mut connection = self.connect(at).await?;
            let message = Message::new(call, "/v3/watch", &body, token.as_deref());
            let answer = connection.send(at.endpoint, &message).await;
            self.forget_old(&answer, token.as_ref()).await;
            Ok(Watch::new(connection, answer?))
        };
        let watching = timeout_at(call.until, watching).await;
        watching.unwrap_or_else(|_| Err(call.silent()))
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        at: At<'_>,
        call: Call,
        path: &'static str,
        body: &Bytes,
        sent: &AtomicBool,
    ) -> Result<T, EtcdError> {
        // It is never closed.
        let _permit = self.requests.acquire().await;
        let token = self.token(at).await?;
        let message = Message::new(call, path, body, token.as_deref());
        let answer = self.exchange(at, &message, sent).await;
        self.forget_old(&answer, token.as_ref()).await;
        answer
    }

    /// The token of the user there is.
    async fn token(&self, at: At<'_>) -> Result<Token, EtcdError> {
        let Some(user) = &self.settings.user else {
            return Ok(None);
        };
        let mut token = self.token.lock().await;
        if token.is_none() {
            *token = self.sign_in(at, user).await?;
        }
        Ok(token.clone())
    }

    async fn sign_in(&self, at: At<'_>, user: &User) -> Result<Token, EtcdError> {
        let body = json!({"name": user.name, "password": user.password}).to_string();
        let call = self.call("sign in");
        let message = Message::new(call, "/v3/auth/authenticate", &body.into(), None);
        let sent = AtomicBool::new(false);
        match self.exchange::<Authenticated>(at, &message, &sent).await {
            Ok(authenticated) => Ok(Some(authenticated.token.into())),
            // As etcdctl goes on: a cluster whose users are set up, and not yet enabled.
            Err(error) if error.is_of_no_users() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A token that etcd does not know any more is not used again. Another caller may have a newer one already.
    async fn forget_old<T>(&self, answer: &Result<T, EtcdError>, used: Option<&Arc<str>>) {
        if answer.as_ref().is_err_and(EtcdError::is_of_an_old_token) {
            let mut token = self.token.lock().await;
            if token.as_ref() == used {
                *token = None;
            }
        }
    }

    /// Sends a message over a connection that is kept, or a new one, and reads the answer.
    async fn exchange<T: DeserializeOwned>(
        &self,
        at: At<'_>,
        message: &Message<'_>,
        sent: &AtomicBool,
    ) -> Result<T, EtcdError> {
        if message.repeatable {
            // One that was kept may have been closed meanwhile, which says nothing of the endpoint.
            if let Some(connection) = self.pool.take(at.number).await {
                match self.exchange_over(connection, at, message).await {
                    Err(EtcdError::Broken { .. }) => {}
                    answer => return answer,
                }
            }
        }
        let connection = self.connect(at).await?;
        sent.store(true, Ordering::Relaxed);
        self.exchange_over(connection, at, message).await
    }

    async fn exchange_over<T: DeserializeOwned>(
        &self,
        mut connection: Connection,
        at: At<'_>,
        message: &Message<'_>,
    ) -> Result<T, EtcdError> {
        let answer = connection.send(at.endpoint, message).await?;
        let status = answer.status().as_u16();
        let body = read(at.endpoint, answer).await?;
        self.pool.put(at.number, connection);
        serde_json::from_slice(&body).map_err(|_| EtcdError::NotEtcd {
            endpoint: at.endpoint.to_string(),
            status,
        })
    }

    async fn connect(&self, at: At<'_>) -> Result<Connection, EtcdError> {
        Connection::open(at.endpoint, self.encryption(at.endpoint)?).await
    }

    #[cfg(feature = "tls")]
    fn encryption(&self, endpoint: &Endpoint) -> Result<Option<Encryption>, EtcdError> {
        if !endpoint.is_encrypted {
            return Ok(None);
        }
        let made = self
            .encryption
            .get_or_init(|| crate::tls::config(&self.settings));
        made.clone().map(Some)
    }

    #[cfg(not(feature = "tls"))]
    #[expect(
        clippy::unused_self,
        clippy::unnecessary_wraps,
        reason = "as it is with TLS"
    )]
    fn encryption(&self, _: &Endpoint) -> Result<Option<Encryption>, EtcdError> {
        Ok(None)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests;
