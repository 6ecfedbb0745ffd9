//! What every store owes, of etcd.

use std::sync::Arc;

use lifecycle::testing::stores;
use lifecycle_etcd::Etcd;
use replica_tests::etcd;

#[tokio::test(flavor = "multi_thread")]
async fn leases() {
    let server = etcd::Etcd::start();
    stores::leases(|| Arc::new(Etcd::connect(server.endpoints()))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn memory() {
    let server = etcd::Etcd::start();
    stores::memory(|| Arc::new(Etcd::connect(server.endpoints()))).await;
}

/// Three members, each replica at another one first: what one has written another one knows.
#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_of_three() {
    let server = etcd::Etcd::cluster(3);
    let next = std::sync::atomic::AtomicUsize::new(0);
    let open = || {
        let first = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let ports = (0..3).map(|member| server.at(server.port((first + member) % 3)));
        let endpoints = ports.collect::<Vec<_>>().join(",");
        Arc::new(Etcd::connect(endpoints))
    };
    stores::leases(|| open()).await;
    stores::memory(|| open()).await;
}
