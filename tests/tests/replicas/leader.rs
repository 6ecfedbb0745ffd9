//! The service that one replica runs, and what its replicas have written.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use lifecycle::testing::InMemoryStore;
use lifecycle::{
    BoxError, Context, EventKind, Grant, Handle, Lease, Leases, Registry, RegistryBuilder, Result,
    Running, State, Worker, async_trait, service,
};
use lifecycle_tests::{Journal, millis, secs, start, state_of};
use tokio::time::sleep;

/// The term of the leases in these tests.
pub(crate) const TERM: Duration = secs(30);

/// Writes each step of its life under the name of its replica.
#[service(worker)]
pub(crate) struct Leader {
    pub(crate) replica: &'static str,
    pub(crate) journal: Arc<Journal>,
    /// How long its startup takes.
    pub(crate) startup: Duration,
    /// How long it goes on after it was asked to stop.
    pub(crate) lingers: Duration,
    pub(crate) drain: Duration,
    /// How long each run goes well; for ever if `None`.
    pub(crate) fails_after: Option<Duration>,
}

impl Leader {
    pub(crate) fn new(replica: &'static str, journal: &Arc<Journal>) -> Self {
        Self {
            replica,
            journal: journal.clone(),
            startup: Duration::ZERO,
            lingers: Duration::ZERO,
            drain: Duration::ZERO,
            fails_after: None,
        }
    }

    fn note(&self, what: &str) {
        self.journal.note(format!("{}: {what}", self.replica));
    }
}

/// Tells of its end, also where it is dropped.
struct Ends<'a>(&'a Leader);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.note("ended");
    }
}

impl Worker for Leader {
    async fn startup(&self, _: &Context) -> Result {
        self.note("startup");
        sleep(self.startup).await;
        Ok(())
    }

    async fn run(&self, cx: &Context) -> Result {
        self.note("run");
        let _ends = Ends(self);
        let failing = sleep(self.fails_after.unwrap_or(Duration::MAX));
        tokio::select! {
            () = cx.stop_channel() => {}
            () = failing => return Err("it fails".into()),
        }
        sleep(self.lingers).await;
        Ok(())
    }

    async fn drain(&self, cx: &Context) -> Result {
        let cause = cx
            .cause()
            .map_or_else(String::new, |cause| cause.to_string());
        self.note(&format!("drain, {cause}"));
        sleep(self.drain).await;
        self.note("drained");
        Ok(())
    }
}

/// The store as one replica reaches it, which may be cut off while the others are not.
#[derive(Clone)]
pub(crate) struct View {
    store: InMemoryStore,
    is_cut: Arc<AtomicBool>,
    /// How many milliseconds an answer is on its way.
    latency: Arc<AtomicU64>,
}

impl View {
    pub(crate) fn new(store: &InMemoryStore) -> Self {
        Self {
            store: store.clone(),
            is_cut: Arc::default(),
            latency: Arc::default(),
        }
    }

    pub(crate) fn cut(&self, is_cut: bool) {
        self.is_cut.store(is_cut, Ordering::Relaxed);
    }

    pub(crate) fn slow_down(&self, latency: u64) {
        self.latency.store(latency, Ordering::Relaxed);
    }

    async fn answered<T>(&self, answer: T) -> T {
        sleep(millis(self.latency.load(Ordering::Relaxed))).await;
        answer
    }

    fn check(&self) -> Result<(), BoxError> {
        if self.is_cut.load(Ordering::Relaxed) {
            return Err("cut off".into());
        }
        Ok(())
    }
}

#[async_trait]
impl Leases for View {
    async fn take(
        &self,
        name: &str,
        holder: &str,
        term: Duration,
    ) -> Result<Option<Grant>, BoxError> {
        self.check()?;
        let taken = self.store.take(name, holder, term).await;
        self.answered(taken).await
    }

    async fn renew(&self, grant: &Grant, term: Duration) -> Result<bool, BoxError> {
        self.check()?;
        let renewed = self.store.renew(grant, term).await;
        self.answered(renewed).await
    }

    async fn give_back(&self, grant: &Grant) -> Result<bool, BoxError> {
        self.check()?;
        self.store.give_back(grant).await
    }
}

/// A registry with this store, and the leader `job`.
pub(crate) fn replica(store: &(impl Leases + Clone), leader: Leader) -> RegistryBuilder {
    Registry::builder()
        .leases(store.clone())
        .lease_term(TERM)
        .service("job", leader)
        .one_replica()
}

/// A running replica.
pub(crate) fn started(builder: RegistryBuilder) -> Running {
    start(builder.build().unwrap())
}

/// Waits until the service is in this state.
pub(crate) async fn reaches(handle: &Handle, service: &str, state: State) {
    let mut moves = handle.subscribe();
    while state_of(handle, service) != state {
        moves.recv().await.unwrap();
    }
}

/// The token of the lease that the replica holds, by its status.
pub(crate) fn token(handle: &Handle, service: &str) -> Option<u64> {
    handle.status(service).unwrap().lease.unwrap().token
}

/// The events of leases and of the store, as text, from the subscription to the end of the run.
pub(crate) fn lease_events(handle: &Handle) -> tokio::task::JoinHandle<Vec<String>> {
    let mut events = handle.events();
    tokio::spawn(async move {
        let mut found = Vec::new();
        while let Some(event) = events.recv().await {
            let is_of_leases = matches!(
                event.kind,
                EventKind::LeaseTaken { .. }
                    | EventKind::LeaseLost { .. }
                    | EventKind::Degraded { .. }
                    | EventKind::Recovered
            );
            if is_of_leases {
                found.push(event.kind.to_string());
            }
        }
        found
    })
}

/// Asks a context for its lease in a `run`, and hands it out.
#[service(worker)]
pub(crate) struct Asks(pub(crate) tokio::sync::mpsc::UnboundedSender<(Context, Option<Lease>)>);

impl Worker for Asks {
    async fn run(&self, cx: &Context) -> Result {
        let _ = self.0.send((cx.clone(), cx.lease()));
        cx.stop_channel().closed().await;
        Ok(())
    }
}
