//! What every store owes, of this one.

use std::sync::Arc;

use lifecycle::testing::stores;
use lifecycle_postgres::Postgres;
use replica_tests::server::Server;

#[tokio::test(flavor = "multi_thread")]
async fn leases() {
    let server = Server::start();
    stores::leases(|| Arc::new(Postgres::connect(server.url()))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn memory() {
    let server = Server::start();
    stores::memory(|| Arc::new(Postgres::connect(server.url()))).await;
}
