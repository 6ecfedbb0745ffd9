//! The database as a run left it, read without the server.

use std::{collections::HashMap, path::Path};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use rusqlite::Connection;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::load::Ledger;

/// The id of a session that has long expired.
const EXPIRED: &str = "expired";

#[derive(Debug)]
pub struct Row {
    pub observed_at: Option<u64>,
    pub revoked: bool,
}

/// All sessions, by id.
pub fn sessions(database: &Path) -> HashMap<String, Row> {
    let connection = Connection::open(database).unwrap();
    let mut rows = connection
        .prepare("SELECT id, observed_at, revoked_at IS NOT NULL FROM session")
        .unwrap();
    let row = |row: &rusqlite::Row<'_>| {
        let observed_at: Option<i64> = row.get(1)?;
        Ok((
            row.get(0)?,
            Row {
                observed_at: observed_at.map(i64::cast_unsigned),
                revoked: row.get(2)?,
            },
        ))
    };
    rows.query_map([], row)
        .unwrap()
        .map(Result::unwrap)
        .collect()
}

/// The id of the session that a token stands for.
pub fn id(token: &str) -> String {
    match token.split('.').nth(1) {
        Some(claims) => {
            let claims: Value =
                serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
            claims["jti"].as_str().unwrap().to_owned()
        }
        None => BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(token)),
    }
}

/// Adds a session that has expired, beside the running server.
pub fn plant_expired(database: &Path) {
    let connection = Connection::open(database).unwrap();
    let plant = "INSERT INTO session (id, user, issued_at, expires_at) VALUES (?1, 'root', 0, 1)";
    connection.execute(plant, [EXPIRED]).unwrap();
}

/// Panics unless the database holds whatever the server acknowledged; returns how many observations that were.
#[track_caller]
pub fn expect_all(ledger: &Ledger, database: &Path) -> usize {
    let rows = sessions(database);
    assert!(
        !rows.contains_key(EXPIRED),
        "an expired session is still there"
    );
    for (token, told) in ledger {
        let row = rows
            .get(&id(token))
            .unwrap_or_else(|| panic!("a login is lost: {told:?}"));
        assert!(
            row.revoked || !told.logged_out,
            "a logout is lost: {told:?}"
        );
        if !token.contains('.') {
            assert!(
                row.observed_at >= told.observed_at,
                "an observation is lost: {told:?}, {row:?}"
            );
        }
    }
    ledger.values().map(|told| told.observations).sum()
}

/// Panics unless the database was closed by its last user: nothing is left in the journal.
#[track_caller]
pub fn expect_closed(database: &Path) {
    let journal = database.with_extension("sqlite-wal");
    assert!(
        database.exists() && !journal.exists(),
        "the journal is still there"
    );
}
