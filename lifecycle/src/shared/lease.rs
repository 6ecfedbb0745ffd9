//! The leases of the services that one replica runs, as their code and probes see them.
//!
//! # Invariants
//!
//! - The task that keeps a lease writes how long it holds; any thread reads that. A lease that is lost stays lost:
//!   `lost` is closed once, and the deadline is not moved afterwards, because only that task writes both.
//! - The supervisor makes a lease current before the run begins that it is for, and names that run before its code
//!   is polled. So the code of a run finds its own lease or, when a later run has begun, none.
//! - Each method takes one lock once, and no code of the user runs under it.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use crate::report::status::{self, LeaseLeader, LeaseStatus, ServiceStatus};
use crate::shared::latch::Latch;
use crate::shared::run::Run;
use crate::store::Grant;

/// A lease that a run of a service has: [`Context::lease`](crate::Context::lease). Clones are the same lease.
///
/// It is held until it is lost: until the store refuses to renew it, or has not answered for so long that another
/// replica may have it. Then the service is asked to stop. Code that must not run twice asks
/// [`is_held`](Self::is_held) before each step, or better has its [`token`](Self::token) checked where it writes: no
/// answer about a lease is still true by the time that it is acted on.
///
/// ```
/// # use lifecycle::{Context, Result};
/// # async fn tick(cx: &Context) -> Result {
/// for invoice in due().await? {
///     match cx.lease() {
///         Some(lease) if lease.is_held() => send(invoice, lease.token()).await?,
///         _ => break, // another replica goes on
///     }
/// }
/// # Ok(()) }
/// # async fn due() -> Result<Vec<u32>> { Ok(vec![1]) }
/// # async fn send(_: u32, _: u64) -> Result { Ok(()) }
/// ```
#[derive(Clone)]
pub struct Lease(Arc<State>);

struct State {
    grant: Grant,
    term: Duration,
    /// When the request was sent that took it.
    taken: Instant,
    hold: Mutex<Hold>,
    lost: Latch,
}

/// When the lease was confirmed last: when that request was sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hold {
    pub(crate) at: Instant,
    pub(crate) time: SystemTime,
}

impl Hold {
    /// A request is sent now.
    pub(crate) fn now() -> Self {
        Self {
            at: Instant::now(),
            time: SystemTime::now(),
        }
    }
}

impl Lease {
    pub(crate) fn new(grant: Grant, term: Duration, hold: Hold) -> Self {
        Self(Arc::new(State {
            grant,
            term,
            taken: hold.at,
            hold: Mutex::new(hold),
            lost: Latch::new(),
        }))
    }

    /// What the store has granted: the name of the lease, the holder, the token.
    #[must_use]
    pub fn grant(&self) -> &Grant {
        &self.0.grant
    }

    /// What this replica is called in the store.
    #[must_use]
    pub fn holder(&self) -> &str {
        &self.0.grant.holder
    }

    /// The fencing token: greater than that of every earlier holder.
    #[must_use]
    pub fn token(&self) -> u64 {
        self.0.grant.token
    }

    /// Whether it is held, as far as this replica can know: it is not lost, and its term can't be over, by the
    /// monotonic clock and by the wall clock.
    #[must_use]
    pub fn is_held(&self) -> bool {
        !self.is_lost() && Instant::now() < self.until() && !self.was_suspended(SystemTime::now())
    }

    /// Resolves when it is lost, and at once if it is. A lease that is given back, because the service is down, is not
    /// lost. Cancel-safe.
    pub async fn lost(&self) {
        self.0.lost.closed().await;
    }

    pub(crate) fn is_lost(&self) -> bool {
        self.0.lost.is_closed()
    }

    pub(crate) fn lose(&self) {
        self.0.lost.close();
    }

    /// It was confirmed by a request that was sent then.
    pub(crate) fn renewed(&self, hold: Hold) {
        *self.hold() = hold;
    }

    /// When another replica may have it: a tenth of the term before its end, counted from when the request was sent
    /// that confirmed it.
    pub(crate) fn until(&self) -> Instant {
        let own = self.0.term.saturating_sub(self.margin());
        let at = self.hold().at;
        at.checked_add(own)
            .unwrap_or(at + Duration::from_secs(86_400 * 365 * 30))
    }

    /// Whether the wall clock has gone ahead of the monotonic one by more than the margin since the last
    /// confirmation: the monotonic one stands still while a machine is suspended.
    pub(crate) fn was_suspended(&self, time: SystemTime) -> bool {
        let hold = *self.hold();
        let passed = time.duration_since(hold.time).unwrap_or_default();
        passed > hold.at.elapsed() + self.margin()
    }

    fn margin(&self) -> Duration {
        self.0.term / 10
    }

    fn hold(&self) -> MutexGuard<'_, Hold> {
        self.0.hold.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease")
            .field("grant", self.grant())
            .field("is_held", &self.is_held())
            .finish()
    }
}

/// The leases of an application, by service. Made at the start, if one replica runs some of the services.
#[derive(Debug)]
pub(crate) struct LeaseTable(Box<[Option<Entry>]>);

#[derive(Debug)]
struct Entry {
    name: Arc<str>,
    holder: Arc<str>,
    term: Duration,
    facts: Mutex<Facts>,
}

#[derive(Debug, Default)]
struct Facts {
    lease: Option<Lease>,
    run: Weak<Run>,
    degraded: Option<Arc<str>>,
    leader: Option<LeaseLeader>,
}

impl LeaseTable {
    /// The names of the leases; `None` for a service that each replica runs.
    pub(crate) fn new(
        names: impl Iterator<Item = Option<Arc<str>>>,
        holder: &Arc<str>,
        term: Duration,
    ) -> Self {
        let entry = |name| Entry {
            name,
            holder: holder.clone(),
            term,
            facts: Mutex::default(),
        };
        Self(names.map(|name| name.map(entry)).collect())
    }

    pub(crate) fn name(&self, service: usize) -> Option<Arc<str>> {
        Some(self.entry(service)?.name.clone())
    }

    /// The lease was taken; or it is none of this replica any more.
    pub(crate) fn set(&self, service: usize, lease: Option<Lease>) {
        if let Some(entry) = self.entry(service) {
            let mut facts = entry.facts();
            facts.lease = lease;
            facts.leader = None;
        }
    }

    /// Another replica holds the lease by this grant, or none does.
    pub(crate) fn set_leader(&self, service: usize, grant: Option<Grant>) {
        if let Some(entry) = self.entry(service) {
            let mut facts = entry.facts();
            let known = facts.leader.take();
            facts.leader = grant.map(|grant| match known {
                Some(known) if known.token == grant.token && *known.holder == *grant.holder => {
                    known
                }
                _ => LeaseLeader {
                    holder: grant.holder.into(),
                    token: grant.token,
                    since: Instant::now(),
                },
            });
        }
    }

    /// This run begins with the lease.
    pub(crate) fn begin_run(&self, service: usize, run: &Arc<Run>) {
        if let Some(entry) = self.entry(service) {
            entry.facts().run = Arc::downgrade(run);
        }
    }

    pub(crate) fn of_run(&self, service: usize, run: &Arc<Run>) -> Option<Lease> {
        let facts = self.entry(service)?.facts();
        let is_current = std::ptr::eq(facts.run.as_ptr(), Arc::as_ptr(run));
        facts.lease.clone().filter(|_| is_current)
    }

    /// Shows why the store can't be asked, or that it can. Returns whether that is new.
    pub(crate) fn set_degraded(&self, service: usize, why: Option<Arc<str>>) -> bool {
        let Some(entry) = self.entry(service) else {
            return false;
        };
        let mut facts = entry.facts();
        let changes = facts.degraded.is_some() != why.is_some();
        facts.degraded = why;
        changes
    }

    pub(crate) fn add_to(&self, service: usize, status: &mut ServiceStatus) {
        let Some(entry) = self.entry(service) else {
            return;
        };
        let facts = entry.facts();
        let held = facts.lease.as_ref().filter(|lease| lease.is_held());
        status.lease = Some(Box::new(LeaseStatus {
            name: entry.name.clone(),
            holder: entry.holder.clone(),
            token: held.map(Lease::token),
            since: held.map(|lease| lease.0.taken),
            until: held.map(Lease::until),
            term: entry.term,
            leader: facts
                .leader
                .clone()
                .filter(|_| status.state == status::State::Standby),
        }));
        // What the service has said, and what its ticks failed with, is of a run that is over.
        let is_silent = status.degraded.is_none() && !status.state.is_final();
        if is_silent || status.state == status::State::Standby {
            status.degraded.clone_from(&facts.degraded);
        }
    }

    fn entry(&self, service: usize) -> Option<&Entry> {
        self.0.get(service)?.as_ref()
    }
}

impl Entry {
    fn facts(&self) -> MutexGuard<'_, Facts> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
