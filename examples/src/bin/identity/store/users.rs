//! What the database knows of users.

use rusqlite::{OptionalExtension, params};

use super::{Store, StoreError};

impl Store {
    pub async fn password_hash(&self, name: &str) -> Result<Option<String>, StoreError> {
        let name = name.to_owned();
        self.call(move |db| {
            db.query_row(
                "SELECT password_hash FROM user WHERE name = ?1",
                [name],
                |row| row.get(0),
            )
            .optional()
        })
        .await
    }

    pub async fn put_user(&self, name: &str, password_hash: String) -> Result<(), StoreError> {
        let name = name.to_owned();
        self.call(move |db| {
            let put = "INSERT INTO user (name, password_hash) VALUES (?1, ?2)
                       ON CONFLICT (name) DO UPDATE SET password_hash = excluded.password_hash";
            db.execute(put, params![name, password_hash]).map(drop)
        })
        .await
    }
}
