//! Brings the database up to date.

use rusqlite::{Connection, TransactionBehavior};

use super::StoreError;

/// Applied in order, once each; how many have been is the database's `user_version`. Append, never edit.
const MIGRATIONS: &[&str] = &[
    include_str!("schema.sql"),
    // Until now the only users were those that a configuration had called root.
    "ALTER TABLE user ADD COLUMN root INTEGER NOT NULL DEFAULT 0;
     UPDATE user SET root = 1;",
];

/// Applies what is missing, all of it or nothing.
pub fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    if missing(connection)?.is_empty() {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another instance may have been faster: only under the lock is the version the one to start from.
    for migration in missing(&transaction)? {
        transaction.execute_batch(migration)?;
    }
    transaction.pragma_update(None, "user_version", MIGRATIONS.len().cast_signed())?;
    Ok(transaction.commit()?)
}

fn missing(connection: &Connection) -> Result<&'static [&'static str], StoreError> {
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    usize::try_from(version)
        .ok()
        .and_then(|applied| MIGRATIONS.get(applied..))
        .ok_or(StoreError::Unknown {
            version,
            known: MIGRATIONS.len(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(connection: &Connection) -> isize {
        connection
            .pragma_query_value(None, "user_version", |row| row.get(0))
            .unwrap()
    }

    #[test]
    fn users_of_the_first_version_were_root() {
        let mut db = Connection::open_in_memory().unwrap();
        db.execute_batch(MIGRATIONS[0]).unwrap();
        db.pragma_update(None, "user_version", 1).unwrap();
        db.execute("INSERT INTO user VALUES ('admin', 'a hash')", [])
            .unwrap();

        migrate(&mut db).unwrap();
        migrate(&mut db).unwrap();
        assert_eq!(version(&db), MIGRATIONS.len().cast_signed());
        let root: bool = db
            .query_row("SELECT root FROM user", [], |row| row.get(0))
            .unwrap();
        assert!(root);
    }

    #[test]
    fn a_schema_that_a_newer_program_wrote_is_left_alone() {
        for unknown in [-1, 3, 100] {
            let mut db = Connection::open_in_memory().unwrap();
            db.pragma_update(None, "user_version", unknown).unwrap();
            let error = migrate(&mut db).unwrap_err().to_string();
            assert!(
                error.contains(&format!("version {unknown}")) && error.contains("up to 2"),
                "{error}"
            );
        }
    }
}
