//! The database: one `SQLite` file, opened before anything is registered, closed when its last user is gone.

use std::{
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use rusqlite::{Connection, OptionalExtension as _, named_params};
use tokio::task::{JoinError, spawn_blocking};

use super::{lock, seconds};

/// What is applied in order, each once; `user_version` says how many were.
const MIGRATIONS: [&str; 2] = [
    "CREATE TABLE user (name TEXT PRIMARY KEY, role TEXT NOT NULL, key_hash TEXT NOT NULL) STRICT;
     CREATE TABLE token (id TEXT PRIMARY KEY, user TEXT NOT NULL, expires_at INTEGER NOT NULL, seen_at INTEGER) STRICT;
     CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
     CREATE TABLE event (id INTEGER PRIMARY KEY, name TEXT NOT NULL, at INTEGER NOT NULL) STRICT;",
    "CREATE TABLE organization (id TEXT PRIMARY KEY, receiver TEXT NOT NULL, snapshot TEXT) STRICT;
     CREATE TABLE rule (name TEXT PRIMARY KEY, organization TEXT NOT NULL, event TEXT NOT NULL,
         threshold INTEGER NOT NULL, frequency_ms INTEGER NOT NULL) STRICT;
     INSERT INTO organization (id, receiver) VALUES ('default', '/notify/default');",
];

/// A lock that is older than this belonged to a process that is gone.
const LOCK_LIFETIME: Duration = Duration::from_secs(60);

pub struct Store(Arc<Mutex<Connection>>);

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error(transparent)]
    Database(#[from] rusqlite::Error),
    #[error("a database call panicked: {0}")]
    Panicked(#[from] JoinError),
}

impl Store {
    pub fn open(file: &Path) -> Result<Self, StoreError> {
        let connection = Connection::open(file)?;
        connection.busy_timeout(Duration::from_secs(5))?;
        connection.pragma_update(None, "journal_mode", "wal")?;
        connection.execute_batch(
            "CREATE TABLE IF NOT EXISTS migration_lock (one INTEGER PRIMARY KEY CHECK (one = 1), until INTEGER NOT NULL) STRICT",
        )?;
        Ok(Self(Arc::new(Mutex::new(connection))))
    }

    /// Calls the database on a thread that may wait for it.
    pub async fn call<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        let connection = self.0.clone();
        Ok(spawn_blocking(move || work(&mut lock(&connection))).await??)
    }

    /// Takes the lock of the migrations, unless another process has it.
    pub async fn try_lock(&self) -> Result<bool, StoreError> {
        let (now, lifetime) = (seconds(), LOCK_LIFETIME.as_secs().cast_signed());
        let take = "INSERT INTO migration_lock (one, until) VALUES (1, :until)
             ON CONFLICT DO UPDATE SET until = excluded.until WHERE until < :now";
        self.call(move |db| {
            let taken = db.execute(take, named_params! {":until": now + lifetime, ":now": now})?;
            Ok(taken == 1)
        })
        .await
    }

    pub async fn unlock(&self) -> Result<(), StoreError> {
        self.call(|db| db.execute_batch("DELETE FROM migration_lock"))
            .await
    }

    /// Applies what is missing. Returns how many that were.
    pub async fn migrate(&self) -> Result<usize, StoreError> {
        self.call(|db| {
            let applied: u16 = db.query_row("PRAGMA user_version", (), |row| row.get(0))?;
            let missing = MIGRATIONS.get(usize::from(applied)..).unwrap_or_default();
            for (version, migration) in (applied + 1..).zip(missing) {
                let all = db.transaction()?;
                all.execute_batch(migration)?;
                all.pragma_update(None, "user_version", version)?;
                all.commit()?;
            }
            Ok(missing.len())
        })
        .await
    }

    pub async fn count(&self, table: &'static str) -> Result<i64, StoreError> {
        let query = format!("SELECT count(*) FROM {table}");
        self.call(move |db| db.query_row(&query, (), |row| row.get(0)))
            .await
    }

    pub async fn setting(&self, name: &'static str) -> Result<Option<String>, StoreError> {
        let query = "SELECT value FROM setting WHERE name = ?1";
        self.call(move |db| db.query_row(query, [name], |row| row.get(0)).optional())
            .await
    }

    pub async fn set(&self, name: &'static str, value: String) -> Result<(), StoreError> {
        let set =
            "INSERT INTO setting VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = excluded.value";
        self.call(move |db| db.execute(set, (name, value)).map(drop))
            .await
    }

    pub async fn add_event(&self, name: String) -> Result<(), StoreError> {
        let at = seconds();
        self.call(move |db| {
            let add = "INSERT INTO event (name, at) VALUES (?1, ?2)";
            db.execute(add, (name, at)).map(drop)
        })
        .await
    }

    /// How many events of this name there are that are not older than this.
    pub async fn events(&self, name: String, window: Duration) -> Result<i64, StoreError> {
        let since = seconds().saturating_sub_unsigned(window.as_secs());
        let query = "SELECT count(*) FROM event WHERE name = ?1 AND at >= ?2";
        self.call(move |db| db.query_row(query, (name, since), |row| row.get(0)))
            .await
    }
}
