//! The application's database: a pool of connections, and the tables.

use deadpool_postgres::{Client, Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use std::time::Duration;

use lifecycle::{Context, Idle, Result, service};
use tokio_postgres::NoTls;

/// `reports` would have its points unique in earnest. Here it is shown that they are, though nothing in the table sees to it.
const TABLES: &str = "
    create schema if not exists fleet;
    create table if not exists fleet.presence (replica text primary key, seen timestamptz not null);
    create table if not exists fleet.censuses (
        id bigint generated always as identity, fence bigint not null, replica text not null,
        present bigint not null, taken timestamptz not null default clock_timestamp());
    create table if not exists fleet.reports (
        id bigint generated always as identity, key text not null, point timestamptz not null, attempt bigint not null,
        missed bigint not null, fence bigint not null, replica text not null, censuses bigint not null)";

/// As long as one may wait for a connection, or for a new one to be made.
const PATIENCE: Duration = Duration::from_secs(5);

/// The pool that the services take their connections from. Clones share it.
#[service(idle, startup(retry = "100ms..2s"))]
#[derive(Clone)]
pub struct Database {
    pool: Pool,
}

impl Database {
    /// The one at this URL. Nothing is connected yet.
    pub fn at(url: &str) -> Result<Self> {
        let usage = ManagerConfig {
            recycling_method: RecyclingMethod::Fast,
        };
        let pool = Pool::builder(Manager::from_config(url.parse()?, NoTls, usage))
            .runtime(Runtime::Tokio1)
            .max_size(4)
            .wait_timeout(Some(PATIENCE))
            .create_timeout(Some(PATIENCE))
            .build()?;
        Ok(Self { pool })
    }

    /// A connection, for a while.
    pub async fn client(&self) -> Result<Client> {
        Ok(self.pool.get().await?)
    }
}

impl Idle for Database {
    /// Replicas that start together take turns.
    async fn startup(&self, _: &Context) -> Result {
        let mut client = self.client().await?;
        let tx = client.transaction().await?;
        tx.batch_execute("select pg_advisory_xact_lock(hashtext('fleet'))")
            .await?;
        tx.batch_execute(TABLES).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn drain(&self, _: &Context) -> Result {
        self.pool.close();
        Ok(())
    }
}
