//! The recipes of the README of `lifecycle-postgres`, compiled and run on a server.

use std::time::{Duration, SystemTime};

use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection};
use lifecycle::{Grant, Leases, Memory, Point};
use lifecycle_postgres::Postgres;
use replica_tests::server::Server;
use sqlx::Connection;

#[rustfmt::skip]
mod with_sqlx {
    use lifecycle::Result;
    use lifecycle::{Grant, Point};

    // README: sqlx
    use std::time::UNIX_EPOCH;
    use lifecycle_postgres::statements::{FENCE, ONCE};

    pub async fn fence(tx: &mut sqlx::PgTransaction<'_>, grant: &Grant) -> Result {
        let fenced = sqlx::query(FENCE).bind(&grant.name).bind(i64::try_from(grant.token)?).fetch_optional(&mut **tx).await?;
        if fenced.is_none() { Err("another replica has taken over".into()) } else { Ok(()) }
    }

    pub async fn once(tx: &mut sqlx::PgTransaction<'_>, name: &str, point: &Point) -> Result {
        let micros = i64::try_from(point.at.duration_since(UNIX_EPOCH)?.as_micros())?;
        let marked = sqlx::query(ONCE).bind(name).bind(micros).bind(i64::from(point.attempt)).execute(&mut **tx).await?;
        if marked.rows_affected() == 0 { Err("this point has been run".into()) } else { Ok(()) }
    }
    // README: end
}

#[rustfmt::skip]
mod with_diesel {
    use lifecycle::Result;
    use lifecycle::{Grant, Point};

    // README: diesel
    use std::time::UNIX_EPOCH;
    use diesel::sql_query;
    use diesel::sql_types::{BigInt, Text};
    use diesel_async::{AsyncPgConnection, RunQueryDsl};
    use lifecycle_postgres::statements::{FENCE, ONCE};

    /// Within `connection.transaction(..)`.
    pub async fn fence(connection: &mut AsyncPgConnection, grant: &Grant) -> Result {
        let fenced = sql_query(FENCE).bind::<Text, _>(&grant.name).bind::<BigInt, _>(i64::try_from(grant.token)?).execute(connection).await?;
        if fenced == 0 { Err("another replica has taken over".into()) } else { Ok(()) }
    }

    pub async fn once(connection: &mut AsyncPgConnection, name: &str, point: &Point) -> Result {
        let micros = i64::try_from(point.at.duration_since(UNIX_EPOCH)?.as_micros())?;
        let marked = sql_query(ONCE).bind::<Text, _>(name).bind::<BigInt, _>(micros).bind::<BigInt, _>(i64::from(point.attempt)).execute(connection).await?;
        if marked == 0 { Err("this point has been run".into()) } else { Ok(()) }
    }
    // README: end
}

const TERM: Duration = Duration::from_secs(30);

/// A lease, and a point that has begun.
async fn prepared(server: &Server) -> (Postgres, Grant, Point) {
    let store = Postgres::connect(server.url());
    let grant = store.take("n", "me", TERM).await.unwrap().unwrap();
    let micros = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap()
        .as_micros();
    let at = SystemTime::UNIX_EPOCH + Duration::from_micros(micros.try_into().unwrap());
    let point = Point::new(at, 3);
    assert!(store.begin("n", &point).await.unwrap());
    (store, grant, point)
}

#[tokio::test]
async fn sqlx() {
    let server = Server::start();
    let (store, grant, point) = prepared(&server).await;
    let mut database = sqlx::PgConnection::connect(&server.url()).await.unwrap();
    let mut tx = database.begin().await.unwrap();
    with_sqlx::fence(&mut tx, &grant).await.unwrap();
    with_sqlx::once(&mut tx, "n", &point).await.unwrap();
    tx.commit().await.unwrap();
    assert!(store.last("n").await.unwrap().unwrap().ended);

    assert!(store.give_back(&grant).await.unwrap());
    let mut tx = database.begin().await.unwrap();
    assert!(with_sqlx::once(&mut tx, "n", &point).await.is_err());
    assert!(with_sqlx::fence(&mut tx, &grant).await.is_err());
}

#[tokio::test]
async fn diesel() {
    let server = Server::start();
    let (store, grant, point) = prepared(&server).await;
    let mut database = AsyncPgConnection::establish(&server.url()).await.unwrap();
    database.batch_execute("begin").await.unwrap();
    with_diesel::fence(&mut database, &grant).await.unwrap();
    with_diesel::once(&mut database, "n", &point).await.unwrap();
    database.batch_execute("commit").await.unwrap();
    assert!(store.last("n").await.unwrap().unwrap().ended);

    assert!(store.give_back(&grant).await.unwrap());
    database.batch_execute("begin").await.unwrap();
    assert!(with_diesel::once(&mut database, "n", &point).await.is_err());
    assert!(with_diesel::fence(&mut database, &grant).await.is_err());
}

#[test]
fn the_readme_shows_what_is_tested() {
    let readme = include_str!("../../lifecycle-postgres/README.md");
    let tested = include_str!("recipes.rs");
    for name in ["sqlx", "diesel"] {
        let recipe = tested
            .split_once(&format!("// README: {name}\n"))
            .unwrap()
            .1;
        let recipe = recipe.split_once("    // README: end").unwrap().0;
        let recipe: String = recipe
            .lines()
            .map(|line| line.strip_prefix("    ").unwrap_or(line).to_owned() + "\n")
            .collect();
        assert!(
            readme.contains(&recipe),
            "the README does not show\n{recipe}"
        );
    }
}
