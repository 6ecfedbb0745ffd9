//! Leases that are renewed, in a store that is in memory: what is counted is the library's part, and the store's own,
//! which is the same in both.

use std::sync::Arc;
use std::time::Duration;

use lifecycle::testing::InMemoryStore;
use lifecycle::{BoxError, Grant, Leases, Registry, async_trait};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::contender::{Contender, Hooks, Ours};
use crate::work::{Meter, PERIOD, Work};

/// A lease is renewed after a third of its term, or somewhat earlier.
const TERM: Duration = PERIOD.saturating_mul(300);

/// Counts the renewals.
struct Counting(InMemoryStore, &'static Meter);

#[async_trait]
impl Leases for Counting {
    async fn take(
        &self,
        name: &str,
        holder: &str,
        term: Duration,
    ) -> Result<Option<Grant>, BoxError> {
        self.0.take(name, holder, term).await
    }

    async fn renew(&self, grant: &Grant, term: Duration) -> Result<bool, BoxError> {
        self.1.tick();
        self.0.renew(grant, term).await
    }

    async fn give_back(&self, grant: &Grant) -> Result<bool, BoxError> {
        self.0.give_back(grant).await
    }
}

/// Each service is one that one replica runs.
pub(super) async fn ours(work: Work, thirds: u32) {
    let mut builder = Registry::builder()
        .leases(Counting(InMemoryStore::new(), &work.meters[0]))
        .lease_term(TERM);
    for name in work.names {
        builder = builder.service(*name, Hooks(work.begun)).one_replica();
    }
    let registry = builder.build().expect("the names are in order");
    let running = Ours::start(registry.signals(false)).await;
    work.begun.all().await;
    sleep(TERM / 3 * thirds).await;
    Ours::stop(running).await;
}

/// A task for each lease that renews it, gives the store a limited time, and looks at the answer.
pub(super) async fn bare(work: Work, thirds: u32) {
    let store: Arc<dyn Leases> = Arc::new(Counting(InMemoryStore::new(), &work.meters[0]));
    let (stop, stopped) = watch::channel(());
    let mut tasks = JoinSet::new();
    for name in work.names {
        tasks.spawn(keep(store.clone(), name, stopped.clone()));
    }
    sleep(TERM / 3 * thirds).await;
    stop.send_replace(());
    while tasks.join_next().await.is_some() {}
}

async fn keep(store: Arc<dyn Leases>, name: &str, mut stopped: watch::Receiver<()>) {
    let taken = store.take(name, "holder", TERM).await;
    let grant = taken.expect("it answers").expect("it is free");
    loop {
        tokio::select! {
            biased;
            _ = stopped.changed() => break,
            () = sleep(wait()) => {}
        }
        match timeout(TERM / 3, store.renew(&grant, TERM)).await {
            Ok(Ok(true)) => {}
            lost => panic!("{name}: {lost:?}"),
        }
    }
    let _ = store.give_back(&grant).await;
}

/// Less a random part of up to a fifth, as under `lifecycle`.
fn wait() -> Duration {
    (TERM / 3).mul_f64(1.0 - fastrand::f64() / 5.0)
}
