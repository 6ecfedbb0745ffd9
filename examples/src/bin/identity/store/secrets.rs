//! Keys the server made for itself, so that what they signed is still good after a restart.

use rusqlite::params;

use super::{Store, StoreError};

impl Store {
    /// The secret of this name: `fresh` becomes it if there is none yet.
    pub async fn secret(&self, name: &'static str, fresh: [u8; 32]) -> Result<Vec<u8>, StoreError> {
        self.call(move |db| {
            db.execute(
                "INSERT INTO secret (name, value) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
                params![name, fresh],
            )?;
            db.query_row("SELECT value FROM secret WHERE name = ?1", [name], |row| {
                row.get(0)
            })
        })
        .await
    }
}
