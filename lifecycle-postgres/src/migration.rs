//! Brings the tables to the version of this library, whichever replica comes first.

use tokio_postgres::types::Type;
use tokio_postgres::{Client, Error};

use crate::statements::{MIGRATION_LOCK, MIGRATIONS, VERSION};

/// Takes the steps that are missing. Replicas that start together take turns, and a database that a newer version has
/// changed already is left as it is. Where nothing is missing it reads one row, and needs no right to create tables.
pub(crate) async fn migrate(client: &Client) -> Result<(), Error> {
    let known = client
        .query_typed_one("select to_regclass('lifecycle_schema') is not null", &[])
        .await?;
    if known.get(0) && taken(client).await? >= MIGRATIONS.len() {
        return Ok(());
    }
    // What fails closes the connection, and with it the transaction.
    client
        .batch_execute(&format!("begin; {MIGRATION_LOCK}; {VERSION}"))
        .await?;
    let taken = taken(client).await?;
    for (version, migration) in (1_i32..).zip(MIGRATIONS).skip(taken) {
        client.batch_execute(migration).await?;
        client
            .execute_typed(
                "insert into lifecycle_schema (version) values ($1)",
                &[(&version, Type::INT4)],
            )
            .await?;
    }
    client.batch_execute("commit").await
}

/// How many steps have been taken.
async fn taken(client: &Client) -> Result<usize, Error> {
    let newest = client
        .query_typed_one(
            "select coalesce(max(version), 0) from lifecycle_schema",
            &[],
        )
        .await?;
    Ok(usize::try_from(newest.get::<_, i32>(0)).unwrap_or(0))
}
