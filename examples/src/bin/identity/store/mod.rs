//! `store`: the database, one file. Opened and brought up to date before anything asks it, checkpointed and closed after
//! everything that writes to it has stopped.

mod migrations;
mod secrets;
mod sessions;
mod users;

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use lifecycle::{Context, Idle, Result, service};
use rusqlite::{Connection, ErrorCode};
use tokio::{
    sync::Mutex,
    task::{JoinError, spawn_blocking},
    time::{Instant, sleep},
};
use tracing::warn;

pub use sessions::Session;

use crate::private;

/// How long a statement waits for another process that has locked the database.
#[derive(Clone, Copy)]
pub enum Patience {
    /// As long as a client may be made to wait.
    Brief,
    /// As long as the service has until it is dropped: for a drain, which has no later attempt.
    Until(Option<Instant>),
}

#[service(idle)]
pub struct Store {
    file: PathBuf,
    connection: Arc<Mutex<Option<Connection>>>,
}

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the database is not open")]
    NotOpen,
    #[error(
        "its schema has version {version}, and this program knows those up to {known}: a newer one wrote it"
    )]
    Unknown { version: i64, known: usize },
    #[error(transparent)]
    File(#[from] io::Error),
    #[error(transparent)]
    Database(#[from] rusqlite::Error),
    #[error("a database call panicked: {0}")]
    Panicked(#[from] JoinError),
}

impl StoreError {
    /// Whether the same call may succeed a moment later.
    pub fn is_busy(&self) -> bool {
        let Self::Database(error) = self else {
            return false;
        };
        matches!(
            error.sqlite_error_code(),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
        )
    }
}

impl Store {
    pub fn new(file: PathBuf) -> Self {
        Self {
            file,
            connection: Arc::default(),
        }
    }

    /// Runs database work where blocking is allowed, one call after the other in the order of asking. Work that has
    /// begun is finished even if nobody waits for it any more: the lock goes with it.
    async fn call<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        self.call_with(Patience::Brief, work).await
    }

    async fn call_with<T, F>(&self, patience: Patience, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        let mut connection = Arc::clone(&self.connection).lock_owned().await;
        spawn_blocking(move || {
            let connection = connection.as_mut().ok_or(StoreError::NotOpen)?;
            connection.busy_timeout(patience.time_left())?;
            Ok(work(connection)?)
        })
        .await?
    }
}

impl Patience {
    const BRIEF: Duration = Duration::from_secs(1);

    fn time_left(self) -> Duration {
        match self {
            Self::Brief | Self::Until(None) => Self::BRIEF,
            // A little less than there is: the database's own error says more than being dropped.
            Self::Until(Some(end)) => end.saturating_duration_since(Instant::now()).mul_f64(0.9),
        }
    }
}

impl Idle for Store {
    /// Tries until the database answers: another instance may be making it at this moment.
    async fn startup(&self, _: &Context) -> Result {
        let opened = loop {
            let file = self.file.clone();
            match spawn_blocking(move || open(&file)).await? {
                Err(error) if error.is_busy() => {
                    warn!(%error, "the database is busy, trying again");
                }
                opened => break opened,
            }
            sleep(Duration::from_millis(50)).await;
        };
        let opened =
            opened.map_err(|error| format!("can't open {}: {error}", self.file.display()))?;
        *self.connection.lock().await = Some(opened);
        Ok(())
    }

    async fn drain(&self, cx: &Context) -> Result {
        // Waits for the call in flight, if there is one.
        let Some(connection) = self.connection.lock().await.take() else {
            return Ok(());
        };
        // What can't be checkpointed in this time stays in the journal, as safe there as in the file.
        let patience = Patience::Until(cx.deadline())
            .time_left()
            .min(Patience::BRIEF);
        spawn_blocking(move || {
            connection.busy_timeout(patience)?;
            connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
            connection.close().map_err(|(_, error)| error)
        })
        .await??;
        Ok(())
    }
}

fn open(file: &Path) -> Result<Connection, StoreError> {
    if let Some(directory) = file.parent() {
        private::folder(directory)?;
    }
    // Made here and not by SQLite, which asks the umask who may read it. Its journals get the mode of this file. Not while
    // a connection is open: closing any descriptor of a file gives up the locks that SQLite holds on it.
    private::append_to(file)?;
    let mut connection = Connection::open(file)?;
    connection.busy_timeout(Patience::BRIEF)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // A commit that was acknowledged survives a power cut too.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    migrations::migrate(&mut connection)?;
    Ok(connection)
}
