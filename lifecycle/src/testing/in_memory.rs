//! A store in the memory of the process.

use std::collections::HashMap;
use std::future::pending;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::report::error::BoxError;
use crate::store::{Grant, Leases, Memory, Point, Remembered};

/// Leases and a memory in one process, for tests: replicas are registries that have clones of the same store.
///
/// Its clock is tokio's, paused or not. It can be made to fail ([`set_reachable`](Self::set_reachable)), and never to
/// answer ([`set_answering`](Self::set_answering)).
///
/// ```
/// use std::time::Duration;
/// use lifecycle::{Leases, testing::InMemoryStore};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?.block_on(async {
/// let store = InMemoryStore::new();
/// let term = Duration::from_secs(30);
/// let first = store.take("report", "replica-1", term).await?.unwrap();
/// assert!(store.take("report", "replica-2", term).await?.is_none());
///
/// tokio::time::sleep(term).await;
/// let second = store.take("report", "replica-2", term).await?.unwrap();
/// assert!(second.token > first.token);
/// assert!(!store.renew(&first, term).await?);
/// # Ok::<(), lifecycle::BoxError>(())
/// # })?;
/// # Ok::<(), lifecycle::BoxError>(())
/// ```
#[derive(Clone, Debug)]
pub struct InMemoryStore {
    namespace: Arc<str>,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    freed: Notify,
}

#[derive(Debug)]
struct State {
    leases: HashMap<String, Lease>,
    points: HashMap<String, Remembered>,
    is_reachable: bool,
    is_answering: bool,
}

#[derive(Debug)]
struct Lease {
    token: u64,
    holder: Option<String>,
    /// `None`: the term ends later than an `Instant` can tell.
    until: Option<Instant>,
}

impl Lease {
    fn is_held(&self) -> bool {
        self.holder.is_some() && self.until.is_none_or(|until| until > Instant::now())
    }

    fn is_held_by(&self, grant: &Grant) -> bool {
        self.is_held() && self.token == grant.token && self.holder.as_ref() == Some(&grant.holder)
    }
}

impl State {
    fn holder(&self, name: &str) -> Option<Grant> {
        let lease = self.leases.get(name).filter(|lease| lease.is_held())?;
        let holder = lease.holder.clone()?;
        Some(Grant::new(name, holder, lease.token))
    }
}

impl Default for InMemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl InMemoryStore {
    /// An empty store, without a namespace.
    #[must_use]
    pub fn new() -> Self {
        let state = State {
            leases: HashMap::new(),
            points: HashMap::new(),
            is_reachable: true,
            is_answering: true,
        };
        Self {
            namespace: "".into(),
            shared: Arc::new(Shared {
                state: Mutex::new(state),
                freed: Notify::new(),
            }),
        }
    }

    /// The same store, seen in this namespace.
    #[must_use]
    pub fn namespace(self, namespace: impl Into<Arc<str>>) -> Self {
        Self {
            namespace: namespace.into(),
            ..self
        }
    }

    /// Whether the store can be reached. Otherwise each call fails at once.
    pub fn set_reachable(&self, is_reachable: bool) {
        self.state().is_reachable = is_reachable;
    }

    /// Whether the store answers. Otherwise a call does what it is asked for, and never returns: the answer is lost.
    /// Calls that hang go on hanging.
    pub fn set_answering(&self, is_answering: bool) {
        self.state().is_answering = is_answering;
    }

    /// Who holds this lease now, with the token of the grant.
    #[must_use]
    pub fn holder(&self, name: &str) -> Option<Grant> {
        self.state().holder(name)
    }

    /// Ends the term of this lease, as if it had not been renewed. Its holder does not learn of it before it asks.
    pub fn expire(&self, name: &str) {
        if let Some(lease) = self.state().leases.get_mut(name) {
            lease.until = Some(Instant::now());
        }
        self.shared.freed.notify_waiters();
    }

    /// What is done in one step, and whether the answer arrives.
    async fn ask<T>(&self, step: impl FnOnce(&mut State) -> T) -> Result<T, BoxError> {
        let (answer, is_answering) = {
            let mut state = self.state();
            if !state.is_reachable {
                return Err(Unreachable.into());
            }
            (step(&mut state), state.is_answering)
        };
        if !is_answering {
            pending::<()>().await;
        }
        Ok(answer)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        let state = &self.shared.state;
        state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The store was made unreachable.
#[derive(Debug, thiserror::Error)]
#[error("the store is unreachable")]
struct Unreachable;

#[async_trait]
impl Leases for InMemoryStore {
    fn namespace(&self) -> &str {
        &self.namespace
    }

    async fn take(
        &self,
        name: &str,
        holder: &str,
        term: Duration,
    ) -> Result<Option<Grant>, BoxError> {
        let taken = self.ask(|state| {
            let lease = state.leases.entry(name.to_owned()).or_insert(Lease {
                token: 0,
                holder: None,
                until: None,
            });
            if lease.is_held() {
                return None;
            }
            lease.token += 1;
            lease.holder = Some(holder.to_owned());
            lease.until = Instant::now().checked_add(term);
            Some(Grant::new(name, holder, lease.token))
        });
        taken.await
    }

    async fn renew(&self, grant: &Grant, term: Duration) -> Result<bool, BoxError> {
        let renewed = self.ask(|state| {
            let lease = state.leases.get_mut(&grant.name);
            let held = lease.filter(|lease| lease.is_held_by(grant));
            held.map(|lease| lease.until = Instant::now().checked_add(term))
                .is_some()
        });
        renewed.await
    }

    async fn give_back(&self, grant: &Grant) -> Result<bool, BoxError> {
        let given_back = self.ask(|state| {
            let lease = state.leases.get_mut(&grant.name);
            let held = lease.filter(|lease| lease.is_held_by(grant));
            let is_held = held.map(|lease| lease.holder = None).is_some();
            self.shared.freed.notify_waiters();
            is_held
        });
        given_back.await
    }

    async fn leader(&self, name: &str) -> Result<Option<Grant>, BoxError> {
        self.ask(|state| state.holder(name)).await
    }

    async fn freed(&self, name: &str) {
        let mut freed = pin!(self.shared.freed.notified());
        // From here on it hears of what is freed. What was freed since the caller asked is seen by looking.
        freed.as_mut().enable();
        let is_free = {
            let state = self.state();
            state.is_reachable && state.is_answering && state.holder(name).is_none()
        };
        if !is_free {
            freed.await;
        }
    }

    fn memory(self: Arc<Self>) -> Option<Arc<dyn Memory>> {
        Some(self)
    }
}

#[async_trait]
impl Memory for InMemoryStore {
    fn namespace(&self) -> &str {
        &self.namespace
    }

    async fn last(&self, name: &str) -> Result<Option<Remembered>, BoxError> {
        self.ask(|state| state.points.get(name).copied()).await
    }

    async fn begin(&self, name: &str, point: &Point) -> Result<bool, BoxError> {
        let begun = self.ask(|state| {
            let last = state.points.get(name);
            let is_allowed = last.is_none_or(|last| last.allows(point));
            if is_allowed {
                let begun = Remembered::new(*point, false);
                state.points.insert(name.to_owned(), begun);
            }
            is_allowed
        });
        begun.await
    }

    async fn end(&self, name: &str, point: &Point) -> Result<bool, BoxError> {
        let ended = self.ask(|state| {
            let last = state.points.get_mut(name);
            let begun = last.filter(|last| last.point == *point);
            begun.map(|begun| begun.ended = true).is_some()
        });
        ended.await
    }
}
