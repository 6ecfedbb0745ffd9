//! `store`: the database, one file. Opened and brought up to date before anything asks it, checkpointed and closed after
//! everything that writes to it has stopped.

mod secrets;
mod sessions;
mod users;

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use lifecycle::{Context, Idle, Result, service};
use rusqlite::{Connection, ErrorCode, TransactionBehavior};
use tokio::{
    sync::Mutex,
    task::{JoinError, spawn_blocking},
};

pub use sessions::Session;

/// Applied in order, once each; how many have been is the database's `user_version`. Append, never edit.
const MIGRATIONS: &[&str] = &[include_str!("schema.sql")];

/// How long a statement waits for another process that has locked the database.
const PATIENCE: Duration = Duration::from_secs(1);

#[service(idle)]
pub struct Store {
    file: PathBuf,
    connection: Arc<Mutex<Option<Connection>>>,
}

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the database is not open")]
    NotOpen,
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
        let mut connection = Arc::clone(&self.connection).lock_owned().await;
        spawn_blocking(move || {
            let connection = connection.as_mut().ok_or(StoreError::NotOpen)?;
            Ok(work(connection)?)
        })
        .await?
    }
}

impl Idle for Store {
    async fn startup(&self, _: &Context) -> Result {
        let file = self.file.clone();
        let opened = spawn_blocking(move || open(&file)).await?;
        let opened =
            opened.map_err(|error| format!("can't open {}: {error}", self.file.display()))?;
        *self.connection.lock().await = Some(opened);
        Ok(())
    }

    async fn drain(&self, _: &Context) -> Result {
        // Waits for the call in flight, if there is one.
        let Some(connection) = self.connection.lock().await.take() else {
            return Ok(());
        };
        spawn_blocking(move || {
            connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
            connection.close().map_err(|(_, error)| error)
        })
        .await??;
        Ok(())
    }
}

fn open(file: &Path) -> Result<Connection, StoreError> {
    if let Some(directory) = file.parent() {
        fs::create_dir_all(directory)?;
    }
    let mut connection = Connection::open(file)?;
    connection.busy_timeout(PATIENCE)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // A commit that was acknowledged survives a power cut too.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    migrate(&mut connection)?;
    Ok(connection)
}

fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    let done: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let migrations = (1..).zip(MIGRATIONS);
    for (version, migration) in migrations.filter(|(version, _)| *version > done) {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(migration)?;
        transaction.pragma_update(None, "user_version", version)?;
        transaction.commit()?;
    }
    Ok(())
}
