//! One connection, from its start to its end: settings, tables, notifications.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::AbortHandle;
use tokio_postgres::{AsyncMessage, Client, Connection, NoTls};

use crate::error::PostgresError;
use crate::freed::Freed;
use crate::migration::migrate;
use crate::settings::Settings;
use crate::statements::LISTEN;

#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) client: Client,
    driver: AbortHandle,
}

impl Session {
    /// Connects, brings the tables up to date and listens.
    pub(super) async fn open(
        settings: &Settings,
        freed: &Arc<Freed>,
    ) -> Result<Self, PostgresError> {
        let config = settings.config()?;
        #[cfg(feature = "tls")]
        let session = match crate::tls::connector(settings, &config)? {
            Some(tls) => {
                let (client, connection) = config.connect(tls).await.map_err(connect)?;
                Self::drive(client, connection, freed)
            }
            None => Self::plain(&config, freed).await?,
        };
        #[cfg(not(feature = "tls"))]
        let session = Self::plain(&config, freed).await?;

        session
            .client
            .batch_execute(&settings.of_session())
            .await
            .map_err(connect)?;
        if settings.migrate {
            migrate(&session.client)
                .await
                .map_err(|source| PostgresError::Migrate(Arc::new(source)))?;
        }
        session
            .client
            .batch_execute(LISTEN)
            .await
            .map_err(connect)?;
        // What was told while there was no connection was told to nobody.
        freed.tell_all();
        Ok(session)
    }

    async fn plain(
        config: &tokio_postgres::Config,
        freed: &Arc<Freed>,
    ) -> Result<Self, PostgresError> {
        let (client, connection) = config.connect(NoTls).await.map_err(connect)?;
        Ok(Self::drive(client, connection, freed))
    }

    /// The task ends with its client, after what that has sent, or when the connection is lost.
    fn drive<S, T>(client: Client, connection: Connection<S, T>, freed: &Arc<Freed>) -> Self
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let freed = freed.clone();
        let driver = tokio::spawn(async move {
            let mut connection = pin!(connection);
            while let Some(message) = poll_fn(|cx| connection.poll_message(cx)).await {
                match message {
                    Ok(AsyncMessage::Notification(told)) => freed.tell(told.payload()),
                    Ok(_) => {}
                    Err(error) => {
                        tracing::debug!(error = %error, "the connection to PostgreSQL is lost");
                        break;
                    }
                }
            }
        });
        Self {
            client,
            driver: driver.abort_handle(),
        }
    }

    pub(super) fn is_open(&self) -> bool {
        !self.client.is_closed()
    }

    /// Ends it now, whatever the other side does.
    pub(super) fn cut(&self) {
        self.driver.abort();
    }
}

fn connect(source: tokio_postgres::Error) -> PostgresError {
    PostgresError::Connect(Arc::new(source))
}
