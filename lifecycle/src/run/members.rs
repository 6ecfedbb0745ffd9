//! The members of a group: the requests to add and remove them, and what those are answered.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::{self, Poll};

use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::engine::settings::ServiceSettings;
use crate::panics::{self, CatchOnDrop};
use crate::report::error::ServiceError;
use crate::report::group::MemberOutcome;
use crate::report::status::State;
use crate::run::supervisor::Supervisor;
use crate::run::supervisor::tasks::ServiceTasks;
use crate::shape::service::Service;
use crate::shared::inbox::{BATCH, Backlog, Inbox};
use crate::shared::members::Member;

/// What a group asks its supervisor for.
pub(crate) enum MemberRequest {
    /// Take the member in and start it.
    Add {
        member: Arc<Member>,
        service: CatchOnDrop<Arc<dyn Service>>,
        settings: Arc<ServiceSettings>,
        /// Answered when the member is up, or has ended on its way.
        answer: Option<oneshot::Sender<AddResult>>,
    },
    /// Stop the member.
    Remove {
        member: Arc<Member>,
        /// Called when it is gone, before the answer.
        forget: Box<dyn FnOnce() + Send>,
        answer: oneshot::Sender<MemberOutcome>,
    },
}

impl MemberRequest {
    fn removes(&self) -> bool {
        matches!(self, Self::Remove { .. })
    }
}

/// What becomes of a member that is added.
pub(crate) type AddResult = Result<(), NotAdded>;

/// Why a member is not up.
#[derive(Debug)]
pub(crate) enum NotAdded {
    Failed(ServiceError),
    Removed,
    /// The group is being stopped.
    Stopping,
}

/// The requests of a group, and those that wait for an answer.
pub(crate) struct MemberCalls {
    requests: Arc<Inbox<MemberRequest>>,
    backlog: Backlog<MemberRequest>,
    /// The calls that have added a member, by its slot, until it is up.
    starting: Vec<Option<oneshot::Sender<AddResult>>>,
    leaving: BTreeMap<usize, Vec<Leaving>>,
}

struct Leaving {
    forget: Box<dyn FnOnce() + Send>,
    answer: oneshot::Sender<MemberOutcome>,
}

impl MemberCalls {
    pub(crate) fn new(requests: Arc<Inbox<MemberRequest>>) -> Self {
        Self {
            requests,
            backlog: Backlog::default(),
            starting: Vec::new(),
            leaving: BTreeMap::new(),
        }
    }

    /// Ready when there are requests.
    pub(super) fn poll_requests(&mut self, task: &task::Context<'_>) -> Poll<()> {
        self.backlog.poll_fill(&self.requests, task)
    }

    /// Whether the member in this slot is being removed.
    pub(super) fn is_leaving(&self, slot: usize) -> bool {
        self.leaving.contains_key(&slot)
    }
}

impl Drop for MemberCalls {
    /// Nothing serves a request from here on: the calls are told so by their channels.
    fn drop(&mut self) {
        self.requests.close();
    }
}

impl Supervisor {
    /// Serves the next requests: additions, then removals. An addition after a removal waits until the commands of that
    /// are carried out, because it may get the slot.
    pub(super) fn serve_all(&mut self, now: Instant, tasks: &mut ServiceTasks) {
        let mut removes = false;
        for _ in 0..BATCH {
            let calls = self.members.as_mut();
            let fits = |next: &MemberRequest| !removes || next.removes();
            let Some(request) = calls.and_then(|calls| calls.backlog.next_if(fits)) else {
                return;
            };
            removes = request.removes();
            self.serve(request, now, tasks);
        }
    }

    fn serve(&mut self, request: MemberRequest, now: Instant, tasks: &mut ServiceTasks) {
        match request {
            MemberRequest::Add {
                member,
                service,
                settings,
                answer,
            } => self.add(&member, service, settings, answer, now, tasks),
            MemberRequest::Remove {
                member,
                forget,
                answer,
            } => self.remove(&member, Leaving { forget, answer }, now),
        }
    }

    fn add(
        &mut self,
        member: &Arc<Member>,
        service: CatchOnDrop<Arc<dyn Service>>,
        settings: Arc<ServiceSettings>,
        answer: Option<oneshot::Sender<AddResult>>,
        now: Instant,
        tasks: &mut ServiceTasks,
    ) {
        let (Some(calls), Some(members)) = (&mut self.members, &self.application.members) else {
            return;
        };
        let is_disabled = settings.disabled;
        let Some(slot) = self.engine.add(settings, now) else {
            if let Some(answer) = answer {
                tell(answer, Err(NotAdded::Stopping));
            }
            return;
        };
        // The engine's commands, which show the member, are carried out after this.
        members.put(slot, member);
        if is_disabled {
            let _ = member.instance.disabled.set(());
        }
        if let Some(inner) = member.instance.inner() {
            inner.set_outer(&self.application, slot);
        }
        tasks.make_room(slot);
        if slot == self.services.len() {
            self.services.push(service.into_inner());
            calls.starting.push(answer);
        } else {
            self.services[slot] = service.into_inner();
            calls.starting[slot] = answer;
        }
    }

    fn remove(&mut self, member: &Arc<Member>, leaving: Leaving, now: Instant) {
        let (Some(calls), Some(slot)) = (&mut self.members, member.slot()) else {
            // It was never taken in, because the group was being stopped.
            leaving.done(MemberOutcome::Stopped);
            return;
        };
        if member.is_removed() {
            leaving.done(MemberOutcome::Unknown);
            return;
        }
        let list = calls.leaving.entry(slot).or_default();
        list.push(leaving);
        if list.len() == 1 {
            // Before its stop channel is closed, so that its drain finds it.
            member.leave();
            self.engine.remove(slot, now);
        }
    }

    /// Answers the call that has added this member, if the member has come to a state that answers it.
    pub(super) fn answer_add(&mut self, slot: usize, to: State) {
        let Some(calls) = &mut self.members else {
            return;
        };
        if to != State::Running && !to.is_final() {
            return;
        }
        let Some(answer) = calls.starting[slot].take() else {
            return;
        };
        let is_removed = calls.is_leaving(slot) && self.application.request.reason().is_none();
        let instance = self.application.instance(slot);
        let result = match instance.error.get() {
            _ if matches!(to, State::Running | State::Disabled) => Ok(()),
            _ if instance.status().succeeded => Ok(()),
            Some(error) if to == State::Failed => Err(NotAdded::Failed(error.clone())),
            _ if is_removed => Err(NotAdded::Removed),
            _ => Err(NotAdded::Stopping),
        };
        tell(answer, result);
    }

    /// The member is down and is to be removed: its slot is empty from now on.
    pub(super) fn removed(&mut self, slot: usize) {
        let (Some(calls), Some(members)) = (&mut self.members, &self.application.members) else {
            return;
        };
        let instance = self.application.instance(slot);
        let outcome = match instance.error.get() {
            Some(error) if instance.state() == State::Failed => {
                MemberOutcome::Failed(error.clone())
            }
            _ => MemberOutcome::Stopped,
        };
        members.remove(slot);
        for leaving in calls.leaving.remove(&slot).into_iter().flatten() {
            leaving.done(outcome.clone());
        }
    }
}

impl Leaving {
    fn done(self, outcome: MemberOutcome) {
        // It compares keys, which is user code.
        let _ = panics::catch(self.forget);
        tell(self.answer, outcome);
    }
}

/// An error means that the caller is gone. If a waker panics, its caller has the answer.
fn tell<T>(answer: oneshot::Sender<T>, result: T) {
    let _ = panics::catch(|| answer.send(result));
}
