//! Keeps the leases of the services that one replica runs: a task for each asks for the lease, renews it, and gives it
//! back.
//!
//! # Invariants
//!
//! - The supervisor gives orders through one channel for each service, and each task reports through the supervisor's
//!   own. A task that holds a lease says so before it says that it has lost it, and never says it after an order to
//!   end it.
//! - The deadline of a lease counts from before the request was sent that confirmed it. The store counts the term from
//!   when that request arrives, so the store's term is over later.
//! - An order to end that meets a request on its way waits for the answer, for a second at most: a lease that is
//!   granted to nobody would be held for a term.

use std::collections::BTreeMap;
use std::future::{Future, pending, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};

use crate::panics;
use crate::report::error::{self, BoxError};
use crate::report::event::{EventKind, LeaseLoss};
use crate::run::plan::{RegisteredService, Stores};
use crate::shared::application::Application;
use crate::shared::instance::Instance;
use crate::shared::lease::{Hold, Lease, LeaseTable};
use crate::shared::runner_news::LeaseNews;
use crate::store::{Grant, Leases};

/// The term, where none is set.
const DEFAULT_TERM: Duration = Duration::from_secs(30);

/// How long an order to end waits for the answer to a request on its way.
const ANSWER_GRACE: Duration = Duration::from_secs(1);

/// How long the store has to take a lease back, where the application's time to stop is over.
const RETURN_GRACE: Duration = Duration::from_millis(100);

/// What each task asks, and for how long.
#[derive(Clone)]
struct LeaseSettings {
    store: Arc<dyn Leases>,
    term: Duration,
}

/// The tasks that keep the leases.
pub(crate) struct Keepers {
    settings: LeaseSettings,
    holder: Arc<str>,
    /// By service: the orders to the task, and the task.
    tasks: BTreeMap<usize, (UnboundedSender<Order>, JoinHandle<()>)>,
}

#[derive(Clone, Copy, Debug)]
enum Order {
    Seek,
    /// Give the lease back, or let its term end.
    End(bool),
}

impl Keepers {
    /// `None`: each replica runs all of the services.
    pub(crate) fn begin(
        stores: Stores,
        application: &Application,
        services: &[RegisteredService],
    ) -> Option<Self> {
        let Stores {
            leases: store,
            lease_term,
            ..
        } = stores;
        let store = store.filter(|_| services.iter().any(|node| node.settings.leased))?;
        let holder = holder();
        let namespace = store.namespace();
        let name_of = |instance: &Instance| match namespace {
            "" => instance.name.as_str().into(),
            namespace => format!("{namespace}/{}", instance.name).into(),
        };
        let nodes = application.registered().iter().zip(services);
        let names = nodes.map(|(instance, node)| node.settings.leased.then(|| name_of(instance)));
        let term = lease_term.unwrap_or(DEFAULT_TERM);
        let table = LeaseTable::new(names, &holder, term);
        let _ = application.leases.set(table);
        Some(Self {
            settings: LeaseSettings { store, term },
            holder,
            tasks: BTreeMap::new(),
        })
    }

    /// Asks for the lease of the service until it is granted.
    pub(crate) fn seek(&mut self, service: usize, application: &Arc<Application>) {
        let (orders, _) = self.tasks.entry(service).or_insert_with(|| {
            let leases = application.leases.get();
            let name = leases.and_then(|leases| leases.name(service));
            let (orders, inbox) = unbounded_channel();
            let keeper = Keeper {
                settings: self.settings.clone(),
                holder: self.holder.clone(),
                name: name.unwrap_or_else(|| "".into()),
                service,
                application: application.clone(),
                orders: inbox,
            };
            (orders, tokio::spawn(keeper.run()))
        });
        // An error means that the task has panicked, and then the service stays on standby.
        let _ = orders.send(Order::Seek);
    }

    /// The service is down, or is not to be started any more.
    pub(crate) fn end(&mut self, service: usize, gives_back: bool) {
        if let Some((orders, _)) = self.tasks.get(&service) {
            let _ = orders.send(Order::End(gives_back));
        }
    }

    /// Waits until every lease is given back, until this instant at most.
    pub(crate) async fn ended(self, deadline: Option<Instant>) {
        let soonest = Instant::now() + RETURN_GRACE;
        let until = deadline.map(|deadline| deadline.max(soonest));
        for (_, (orders, mut task)) in self.tasks {
            drop(orders);
            let ended = match until {
                Some(until) => timeout_at(until, &mut task).await.is_ok(),
                None => (&mut task).await.is_ok(),
            };
            if !ended {
                task.abort();
            }
        }
    }
}

/// Keeps the lease of one service.
struct Keeper {
    settings: LeaseSettings,
    holder: Arc<str>,
    name: Arc<str>,
    service: usize,
    application: Arc<Application>,
    orders: UnboundedReceiver<Order>,
}

/// What the store answers, or that it does not.
type Answer<T> = Result<T, BoxError>;

impl Keeper {
    /// Ends when the supervisor gives no more orders.
    async fn run(mut self) {
        while let Some(order) = self.orders.recv().await {
            if let Order::Seek = order {
                if let Some(lease) = self.seek().await {
                    self.report(LeaseNews::Taken(lease.clone()));
                    self.hold(&lease).await;
                }
            }
        }
    }

    /// Asks for the lease until it is granted. `None`: it is not wanted any more, or can't be had.
    async fn seek(&mut self) -> Option<Lease> {
        let Self {
            settings, holder, ..
        } = self;
        let LeaseSettings { store, term } = settings.clone();
        let (name, holder) = (self.name.clone(), holder.clone());
        let (application, service) = (self.application.clone(), self.service);
        loop {
            let hold = Hold::now();
            let taking = ask(term, || store.take(&name, &holder, term));
            let mut is_refused = false;
            match self.or_ended(taking).await {
                Asked::Ended(gives_back, answer) => {
                    if let (true, Some(Ok(Some(grant)))) = (gives_back, answer) {
                        self.give_back(&grant).await;
                    }
                    return None;
                }
                Asked::Answered(Ok(Some(grant))) => {
                    self.recover();
                    return Some(Lease::new(grant, term, hold));
                }
                Asked::Answered(Ok(None)) => {
                    self.recover();
                    is_refused = true;
                }
                Asked::Answered(Err(error)) if error::is_permanent(error.as_ref()) => {
                    self.report(LeaseNews::Failed(error));
                    return None;
                }
                Asked::Answered(Err(error)) => self.degrade(error.as_ref()),
            }
            let freed = async {
                // A store whose hints come all the time must not be asked all the time.
                sleep(jittered(term / 300)).await;
                guarded(|| store.freed(&name)).await;
            };
            // Only to be shown, so nothing waits for the answer, and a failure is none of the store's own.
            let look = async {
                if is_refused {
                    if let Ok(leader) = ask(term, || store.leader(&name)).await {
                        note_leader(&application, service, leader);
                    }
                }
                pending::<()>().await;
            };
            tokio::select! {
                biased;
                order = self.orders.recv() => if !matches!(order, Some(Order::Seek)) { return None },
                () = freed => {}
                () = look => {}
                () = sleep(jittered(term / 3)) => {}
            }
        }
    }

    /// Renews the lease until it is lost, or is not needed any more.
    async fn hold(&mut self, lease: &Lease) {
        let LeaseSettings { store, term } = self.settings.clone();
        let mut next = Instant::now() + jittered(term / 3);
        loop {
            let until = lease.until();
            tokio::select! {
                biased;
                order = self.orders.recv() => match order {
                    Some(Order::Seek) => {}
                    Some(Order::End(gives_back)) => return self.end(lease, gives_back).await,
                    None => return,
                },
                () = sleep_until(next.min(until)) => {}
            }
            if let Some(why) = is_over(lease) {
                return self.lose(lease, why);
            }
            if Instant::now() < next {
                continue;
            }
            let hold = Hold::now();
            let limit = (term / 3).min(until.saturating_duration_since(hold.at));
            let renewing = timeout(limit, guarded(|| store.renew(lease.grant(), term)));
            match self.or_ended(renewing).await {
                Asked::Ended(gives_back, _) => return self.end(lease, gives_back).await,
                Asked::Answered(Ok(Ok(true))) => {
                    if lease.was_suspended(SystemTime::now()) {
                        return self.lose(lease, LeaseLoss::Suspended);
                    }
                    lease.renewed(hold);
                    self.recover();
                    next = hold.at + jittered(term / 3);
                }
                Asked::Answered(Ok(Ok(false))) => return self.lose(lease, LeaseLoss::Refused),
                Asked::Answered(Ok(Err(error))) => {
                    self.degrade(error.as_ref());
                    next = Instant::now() + jittered(term / 12);
                }
                Asked::Answered(Err(_)) => {
                    self.degrade(&Silent(limit));
                    next = Instant::now() + jittered(term / 12);
                }
            }
        }
    }

    fn lose(&self, lease: &Lease, why: LeaseLoss) {
        lease.lose();
        let until = match why {
            LeaseLoss::Refused => lease.until(),
            LeaseLoss::Unanswered | LeaseLoss::Suspended => Instant::now(),
        };
        self.report(LeaseNews::Lost(lease.clone(), why, until));
    }

    async fn end(&self, lease: &Lease, gives_back: bool) {
        if gives_back {
            self.give_back(lease.grant()).await;
        }
    }

    async fn give_back(&self, grant: &Grant) {
        let LeaseSettings { store, term } = &self.settings;
        if let Err(error) = ask(*term, || store.give_back(grant)).await {
            self.degrade(error.as_ref());
        }
    }

    /// The answer, or an order to end that has come before it, with the answer if that comes soon.
    async fn or_ended<T>(&mut self, asking: impl Future<Output = T>) -> Asked<T> {
        let mut asking = pin!(asking);
        loop {
            tokio::select! {
                biased;
                order = self.orders.recv() => match order {
                    Some(Order::Seek) => {}
                    Some(Order::End(gives_back)) => {
                        return Asked::Ended(gives_back, timeout(ANSWER_GRACE, asking).await.ok());
                    }
                    None => return Asked::Ended(false, None),
                },
                answer = &mut asking => return Asked::Answered(answer),
            }
        }
    }

    fn degrade(&self, error: &(dyn std::error::Error + 'static)) {
        let error = error::chain(error);
        let why: Arc<str> = format!("the lease store does not answer: {error}").into();
        self.show(Some(why));
    }

    fn recover(&self) {
        self.show(None);
    }

    fn show(&self, why: Option<Arc<str>>) {
        let leases = self.application.leases.get();
        if !leases.is_some_and(|leases| leases.set_degraded(self.service, why.clone())) {
            return;
        }
        let kind = match why {
            Some(why) => EventKind::Degraded { why },
            None => EventKind::Recovered,
        };
        self.application.tell(self.service, kind);
    }

    fn report(&self, news: LeaseNews) {
        self.application.report_lease(self.service, news);
    }
}

fn note_leader(application: &Application, service: usize, leader: Option<Grant>) {
    if let Some(leases) = application.leases.get() {
        leases.set_leader(service, leader);
    }
}

/// Whether another replica may have the lease by now, and why.
fn is_over(lease: &Lease) -> Option<LeaseLoss> {
    if lease.was_suspended(SystemTime::now()) {
        Some(LeaseLoss::Suspended)
    } else if lease.until() <= Instant::now() {
        Some(LeaseLoss::Unanswered)
    } else {
        None
    }
}

enum Asked<T> {
    Answered(T),
    /// Whether to give the lease back, and the answer.
    Ended(bool, Option<T>),
}

/// Asks the store, for a third of the term at most.
async fn ask<'a, T>(
    term: Duration,
    call: impl FnOnce() -> Pin<Box<dyn Future<Output = Answer<T>> + Send + 'a>>,
) -> Answer<T> {
    let limit = term / 3;
    match timeout(limit, guarded(call)).await {
        Ok(answer) => answer,
        Err(_) => Err(Silent(limit).into()),
    }
}

/// Calls the store, which is code of the user's: a panic becomes an error.
async fn guarded<'a, T: OfStore>(
    call: impl FnOnce() -> Pin<Box<dyn Future<Output = T> + Send + 'a>>,
) -> T {
    let mut calling = match panics::catch(call) {
        Ok(calling) => calling,
        Err(panic) => return T::panicked(panic.0),
    };
    let caught = poll_fn(|task| panics::catch_poll(calling.as_mut(), task)).await;
    let dropped = panics::catch(|| drop(calling));
    match (caught, dropped) {
        (Ok(answer), _) => answer,
        (Err(panic), _) => T::panicked(panic.0),
    }
}

/// What a method of a store returns.
trait OfStore {
    fn panicked(message: String) -> Self;
}

impl<T> OfStore for Answer<T> {
    fn panicked(message: String) -> Self {
        Err(Panicked(message).into())
    }
}

impl OfStore for () {
    fn panicked(_: String) {}
}

/// Less a random part of up to a fifth, so that replicas do not ask together.
fn jittered(length: Duration) -> Duration {
    length.mul_f64(1.0 - fastrand::f64() / 5.0)
}

/// What this process is called in the store: the machine, the process and a random number. No other process has it,
/// not even the next one with this number on this machine.
fn holder() -> Arc<str> {
    let named = std::env::var("HOSTNAME").ok();
    let named = named.or_else(|| std::fs::read_to_string("/proc/sys/kernel/hostname").ok());
    let machine = named.or_else(|| std::env::var("COMPUTERNAME").ok());
    let machine = machine.as_deref().map_or("", str::trim);
    let machine = if machine.is_empty() {
        "unknown"
    } else {
        machine
    };
    format!("{machine}/{}/{:08x}", std::process::id(), fastrand::u32(..)).into()
}

/// The store did not answer within this time.
#[derive(Debug, thiserror::Error)]
#[error("no answer within {0:?}")]
struct Silent(Duration);

/// The store panicked.
#[derive(Debug, thiserror::Error)]
#[error("it panicked: {0}")]
struct Panicked(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_holder_is_no_other_process() {
        assert_ne!(holder(), holder());
        assert!(holder().contains(&format!("/{}/", std::process::id())));
    }

    #[test]
    fn a_wait_is_at_most_a_fifth_shorter() {
        let third = Duration::from_secs(10);
        for _ in 0..1_000 {
            let wait = jittered(third);
            assert!(wait <= third && wait >= third * 4 / 5, "{wait:?}");
        }
    }

    #[test]
    fn the_time_of_the_wall_clock_is_not_read_where_it_does_not_count() {
        // A machine that was suspended for a minute: the wall clock is ahead of the monotonic one.
        let now = Hold {
            at: Instant::now(),
            time: SystemTime::now(),
        };
        let lease = Lease::new(Grant::new("a", "b", 1), Duration::from_secs(30), now);
        assert!(!lease.was_suspended(now.time + Duration::from_secs(2)));
        assert!(lease.was_suspended(now.time + Duration::from_secs(60)));
        assert!(!lease.was_suspended(now.time - Duration::from_secs(600)));
    }
}
