//! A group: a service whose members come and go while it runs.
//!
//! Its run is an inner application (see [`inner`](crate::shared::inner)) with the supervisor and the engine of
//! every registry. The members are its services; they are added and removed by requests to the supervisor.
//!
//! # Invariants
//!
//! - A request is sent under the lock of `state`, after the phase was read. So the requests for one key arrive in
//!   order, and none is sent to a run that the group has left.
//! - A key is taken from its addition until its member is gone: the supervisor has the entry forgotten before it
//!   answers. So there are never two runs of one member at once.
//! - Values are dropped after the lock is released, because their destructors are user code.

mod entry;
mod state;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::oneshot;

pub use self::entry::Entry;
use self::state::{Link, Phase, Place, State, label, write_label};
use crate::engine::settings::{RegistrySettings, SharedSettings};
use crate::panics;
use crate::report::error::{RestartError, Result, StartError};
use crate::report::group::{AddError, MemberOutcome};
use crate::report::name::Name;
use crate::report::registry_error::{RegistryError, RegistryProblem};
use crate::report::status::{self, Shape};
use crate::run::inside;
use crate::run::members::{AddResult, MemberCalls, MemberRequest, NotAdded};
use crate::run::plan::{Launch, Stores};
use crate::run::running;
use crate::shape::service::{Nature, Sealed, Service, TaskNeed};
use crate::shared::application::Application;
use crate::shared::context::Context;
use crate::shared::current;
use crate::shared::inbox::Inbox;
use crate::shared::inner::Found;
use crate::shared::members::Member;

/// How many bytes the text of a key may have.
const MAX_KEY: usize = 128;

/// A service whose members come and go while it runs: tenants, sessions, shards, plug-ins. It is a cheap handle:
/// name a clone of it in the registry, and keep one to add and remove members.
///
/// Each member is a service of its own, with its settings and policy, shown as `group/key` in states, moves, logs,
/// errors and the [outcome](crate::Outcome). A key is any text of at most 128 bytes, as its `Display` writes it; `/`, `\`
/// and control characters are escaped where it is shown.
///
/// - The group is running as soon as it can take members. Neither its readiness nor that of the application
///   depends on them; while one that is not under [`OnFailure::Ignore`](crate::OnFailure) is down, the group
///   is `degraded`.
/// - The failure of a member under [`OnFailure::Shutdown`](crate::OnFailure) makes the group fail; under any other
///   policy the others go on. A member that has failed stays, with its error, until it is removed.
/// - When the group is stopped all members are, at once, each with its drain, within the time that the group has.
///   From the request to stop on no member is added.
/// - If the group itself is restarted, its members are started again in new runs, with the same values.
///
/// More is in [the guide](crate::guide::groups).
///
/// ```
/// use lifecycle::{Context, Group, Idle, OnFailure, Result, Entry, registry, service};
///
/// #[service(idle)]
/// struct Tenant;
/// impl Idle for Tenant {}
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result {
/// let tenants = Group::new();
/// let running = registry! { "tenants" => tenants.clone() }.start();
/// running.await_healthy().await?;
///
/// tenants.add("acme".to_owned(), Entry::new(Tenant).on_failure(OnFailure::Ignore)).await?;
/// assert_eq!(running.handle().states()[1].name, "tenants/acme");
/// tenants.remove("acme").await.into_result()?;
/// # running.stop().await.into_result()?;
/// # Ok(()) }
/// ```
pub struct Group<K> {
    state: Arc<Mutex<State<K>>>,
}

impl<K> Group<K> {
    /// A group without members, to be named in a registry.
    #[must_use]
    pub fn new() -> Self {
        Self {
            state: Arc::new(Mutex::new(State {
                phase: Phase::Waiting(None),
                members: HashMap::new(),
                added: 0,
                text: String::new(),
                settings: SharedSettings::default(),
            })),
        }
    }

    fn state(&self) -> MutexGuard<'_, State<K>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash + Clone + fmt::Display + Send + 'static> Group<K> {
    /// Adds a member. Resolves when it is up: running, or a oneshot that has succeeded.
    ///
    /// Before the group runs, and between two runs of it, the member is only kept: it is started with the group,
    /// and this resolves at once.
    ///
    /// Cancel-safe: once it was polled the member is added, even if the call is dropped.
    ///
    /// # Errors
    ///
    /// The key is longer than 128 bytes, or taken; a value of the policy is wrong; the group is being stopped, or
    /// has stopped; the member was removed before it was up; it has failed before it was up, and is a member nevertheless.
    pub async fn add(&self, key: K, entry: impl Into<Entry>) -> Result<(), AddError> {
        let Some(answer) = self.admit(key, entry.into())? else {
            return Ok(());
        };
        match answer.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(NotAdded::Failed(error))) => Err(AddError::Failed(error)),
            Ok(Err(NotAdded::Removed)) => Err(AddError::Removed),
            // A supervisor that is gone has stopped the group.
            Ok(Err(NotAdded::Stopping)) | Err(_) => Err(AddError::Stopping),
        }
    }

    /// Takes the member in. Returns where it will be known that the member is up, if the group runs.
    fn admit(
        &self,
        key: K,
        entry: Entry,
    ) -> Result<Option<oneshot::Receiver<AddResult>>, AddError> {
        let policy = entry.settings.on_failure;
        let mut place = self.place(&key, entry)?;
        let problems = RegistryProblem::of_policy(place.shown_key(), policy);
        if !problems.is_empty() {
            return Err(AddError::Policy(RegistryError { problems }));
        }
        let mut state = self.state();
        let State { phase, members, .. } = &mut *state;
        let link = match phase {
            Phase::Up(link) if link.application.request.reason().is_none() => Some(link),
            Phase::Stopping {
                is_followed: true, ..
            } => None,
            Phase::Waiting(outer) => {
                let outer = outer.as_ref().map(std::sync::Weak::upgrade);
                let is_over = |outer: Option<Arc<Application>>| {
                    outer.is_none_or(|outer| outer.request.reason().is_some())
                };
                if outer.is_some_and(is_over) {
                    return Err(AddError::Stopping);
                }
                None
            }
            Phase::Up(_) | Phase::Stopping { .. } | Phase::Closed => {
                return Err(AddError::Stopping);
            }
        };
        if members.contains_key(&key) {
            return Err(AddError::Duplicate(Name::shared(place.shown_key())));
        }
        let mut waits = None;
        if let Some(link) = link {
            let (answer, answered) = oneshot::channel();
            waits = Some(answered);
            if let Some(request) = place.request(link, Some(answer)) {
                // If the supervisor is gone, the call is told so by its channel.
                link.requests.send(request);
            }
        }
        state.insert(key, place);
        Ok(waits)
    }

    /// A place for a member under this key. The key's own code runs here, so the lock is free meanwhile.
    fn place(&self, key: &K, entry: Entry) -> Result<Place, AddError> {
        let Entry { service, settings } = entry;
        let (mut text, settings) = {
            let mut state = self.state();
            let mut text = std::mem::take(&mut state.text);
            text.clear();
            if let Some(path) = state.path() {
                text.push_str(path);
                text.push('/');
            }
            (text, state.settings.get(&settings))
        };
        let key_at = text.len();
        let length = write_label(&mut text, key);
        if length > MAX_KEY {
            return Err(AddError::KeyTooLong(length));
        }
        let place = Place::new(Name::shared(&text), key_at, service, settings);
        self.state().text = text;
        Ok(place)
    }

    /// Removes a member: stops it, waits for its drain, and drops it. Its key is free then.
    ///
    /// Code of the member itself can't wait for its end: it is asked to stop, and this resolves at once with
    /// [`MemberOutcome::Asked`].
    ///
    /// Cancel-safe: once it was polled the member is removed, even if the call is dropped.
    ///
    /// ```
    /// # use lifecycle::{Group, Idle, MemberOutcome, registry, service};
    /// # #[service(idle)] struct Tenant;
    /// # impl Idle for Tenant {}
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> lifecycle::Result {
    /// # let tenants = Group::<String>::new();
    /// # let running = registry! { "tenants" => tenants.clone() }.start();
    /// # running.await_healthy().await?;
    /// tenants.add("acme".to_owned(), Tenant).await?;
    /// tenants.restart("acme").await?;
    /// match tenants.remove("acme").await {
    ///     MemberOutcome::Failed(error) => println!("acme is gone, with {error}"),
    ///     outcome => println!("acme: {outcome:?}"), // stopped
    /// }
    /// assert!(tenants.keys().is_empty());
    /// # running.stop().await.into_result()?;
    /// # Ok(()) }
    /// ```
    pub async fn remove<Q>(&self, key: &Q) -> MemberOutcome
    where
        K: std::borrow::Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let (member, answer) = match self.dismiss(key) {
            Ok(waits) => waits,
            Err(outcome) => return outcome,
        };
        let asker = current::owner();
        let own = member.instance.run();
        if asker.zip(own).is_some_and(|(asker, own)| asker.is_of(&own)) {
            return MemberOutcome::Asked;
        }
        match answer.await {
            Ok(outcome) => outcome,
            // The group has stopped meanwhile, and the member with it.
            Err(_) => outcome_of(&member),
        }
    }

    /// Asks for the end of the member. Returns where it will be known, or what has become of it already.
    fn dismiss<Q>(
        &self,
        key: &Q,
    ) -> Result<(Arc<Member>, oneshot::Receiver<MemberOutcome>), MemberOutcome>
    where
        K: std::borrow::Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let mut state = self.state();
        let State { phase, members, .. } = &mut *state;
        let Some(own) = members.get_key_value(key).map(|(own, _)| own.clone()) else {
            return Err(MemberOutcome::Unknown);
        };
        let Some(place) = members.get_mut(key) else {
            return Err(MemberOutcome::Unknown);
        };
        let service = place.service.take();
        let (Phase::Up(link) | Phase::Stopping { link, .. }, Some(member)) = (phase, &place.member)
        else {
            // It waits for a run of the group.
            let left = members.remove(key);
            drop(state);
            drop((left, service));
            return Err(MemberOutcome::Stopped);
        };
        let member = member.clone();
        let (answer, answered) = oneshot::channel();
        let request = MemberRequest::Remove {
            member: member.clone(),
            forget: self.forgets(own, member.clone()),
            answer,
        };
        link.requests.send(request);
        drop(state);
        // The task of the member has the last one from here on, so the destructor is its code.
        drop(service);
        Ok((member, answered))
    }

    /// Forgets the member under this key, if it is still the same.
    fn forgets(&self, key: K, member: Arc<Member>) -> Box<dyn FnOnce() + Send> {
        let state = Arc::downgrade(&self.state);
        Box::new(move || {
            let Some(group) = state.upgrade().map(|state| Self { state }) else {
                return;
            };
            let mut state = group.state();
            let place = state.members.get(&key);
            let is_it = place
                .and_then(|place| place.member.as_ref())
                .is_some_and(|other| Arc::ptr_eq(other, &member));
            let left = if is_it {
                state.members.remove(&key)
            } else {
                None
            };
            drop(state);
            drop(left);
        })
    }

    /// Restarts a member by hand, as [`Handle::restart`](crate::Handle::restart) does a service. Resolves when it is up
    /// again. Cancel-safe: the restart goes on, even if the call is dropped.
    ///
    /// # Errors
    ///
    /// There is no such member; the group does not run, or is being stopped; code of the member itself asks; the
    /// member has ended, or has failed for good on its way.
    pub async fn restart<Q>(&self, key: &Q) -> Result<(), RestartError>
    where
        K: std::borrow::Borrow<Q>,
        Q: Eq + Hash + fmt::Display + ?Sized,
    {
        let found = {
            let state = self.state();
            let Some(place) = state.members.get(key) else {
                return Err(RestartError::Unknown(label(key)));
            };
            match (&state.phase, &place.member) {
                (Phase::Up(link) | Phase::Stopping { link, .. }, Some(member)) => {
                    (link.application.clone(), member.clone())
                }
                _ => return Err(RestartError::NotStarted),
            }
        };
        match Found::member(found.0, found.1) {
            Some(found) => found.restart(true).await,
            // The supervisor has not taken it in yet.
            None => Err(RestartError::NotRunning(Name::from(label(key)))),
        }
    }

    /// The keys of the members, in no order. One that is being removed is there until it is down.
    #[must_use]
    pub fn keys(&self) -> Vec<K> {
        self.state().members.keys().cloned().collect()
    }

    /// Begins a run of the group, as this service.
    fn begin(&self, cx: &Context) -> Result<Arc<Application>, StartError> {
        let application = Application::of_group();
        let requests = Arc::<Inbox<_>>::default();
        requests.open();
        let link = Link {
            path: Name::from(cx.name().to_owned()),
            application: application.clone(),
            requests: requests.clone(),
        };
        let mut state = self.state();
        if let Phase::Stopping { link, .. } = &state.phase {
            if link.application.gone.is_closed() {
                state.settle(cx.application());
            }
        }
        if matches!(state.phase, Phase::Up(_) | Phase::Stopping { .. }) {
            return Err(StartError::GroupRuns);
        }
        cx.application().show_inner(cx.service(), &application);
        for place in state.in_order() {
            if let Some(request) = place.request(&link, None) {
                link.requests.send(request);
            }
        }
        state.phase = Phase::Up(link);
        drop(state);
        let launch = Launch {
            stores: Stores::default(),
            services: Vec::new(),
            application: application.clone(),
            problems: Vec::new(),
            settings: RegistrySettings {
                deadline: Duration::MAX,
                ..RegistrySettings::default()
            },
            signals: false,
            stop_on: None,
            members: Some(MemberCalls::new(requests)),
            #[cfg(all(feature = "cron", feature = "test-util"))]
            wall_clock: None,
        };
        drop(running::begin(launch, Some(cx)));
        Ok(application)
    }

    /// The run ends. If no other one follows, no member is added from now on, and the values are left to the tasks
    /// of the members.
    fn begin_stop(&self, application: &Arc<Application>, is_followed: bool) {
        let mut state = self.state();
        let Phase::Up(link) = &state.phase else {
            return;
        };
        if !Arc::ptr_eq(&link.application, application) {
            return;
        }
        let link = link.clone();
        state.phase = Phase::Stopping { link, is_followed };
        let values = if is_followed {
            Vec::new()
        } else {
            state.take_values()
        };
        drop(state);
        drop(values);
    }

    fn end_stop(&self, cx: &Context, application: &Arc<Application>) {
        let is_followed = cx.is_followed();
        let mut state = self.state();
        let Phase::Stopping { link, .. } = &state.phase else {
            return;
        };
        if !Arc::ptr_eq(&link.application, application) {
            return;
        }
        state.settle(cx.application());
        drop(state);
        if !is_followed {
            self.close();
        }
    }

    /// No run follows.
    fn close(&self) {
        let mut state = self.state();
        state.phase = Phase::Closed;
        let left = std::mem::take(&mut state.members);
        drop(state);
        let _ = panics::drop_each(left);
    }
}

fn outcome_of(member: &Member) -> MemberOutcome {
    let is_failed = member.instance.state() == status::State::Failed;
    match member.instance.error.get().filter(|_| is_failed) {
        Some(error) => MemberOutcome::Failed(error.clone()),
        None => MemberOutcome::Stopped,
    }
}

#[async_trait]
#[diagnostic::do_not_recommend]
impl<K: Eq + Hash + Clone + fmt::Display + Send + 'static> Service for Group<K> {
    async fn start(&self, cx: &Context) -> Result {
        cx.take_shape(Shape::Group, false);
        let inner = self.begin(cx)?;
        inside::watch(cx, &inner).await
    }

    async fn stop(&self, cx: &Context) -> Result {
        let Some(inner) = cx.instance().inner() else {
            return Ok(());
        };
        self.begin_stop(&inner, cx.is_followed());
        let stopped = inside::stop(cx, None).await;
        self.end_stop(cx, &inner);
        stopped
    }

    fn __nature(&self, _: Sealed) -> Nature {
        Nature {
            shape: Shape::Group,
            in_background: false,
            task_need: TaskNeed::Always,
            is_disabled: false,
        }
    }

    fn __abandon(&self, _: &Context, _: Sealed) {
        self.close();
    }
}

impl<K> Clone for Group<K> {
    fn clone(&self) -> Self {
        Self {
            state: self.state.clone(),
        }
    }
}

impl<K> Default for Group<K> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: fmt::Debug> fmt::Debug for Group<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        let keys: Vec<_> = state.members.keys().collect();
        f.debug_struct("Group")
            .field("keys", &keys)
            .finish_non_exhaustive()
    }
}
