//! Which members a group has, and whether it runs.

use std::collections::HashMap;
use std::fmt::Write;
use std::hash::Hash;
use std::sync::{Arc, Weak};

use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;

use super::Entry;
use crate::engine::settings::ServiceSettings;
use crate::panics::CatchOnDrop;
use crate::report::name::Name;
use crate::run::members::{AddResult, MemberRequest};
use crate::run::plan::instance_of;
use crate::shape::service::Service;
use crate::shared::application::Application;
use crate::shared::members::Member;

pub(super) struct State<K> {
    pub(super) phase: Phase,
    pub(super) members: HashMap<K, Place>,
}

/// Whether the group runs.
pub(super) enum Phase {
    /// Not yet, or between two runs, of a service of this application: members wait for the next one.
    Waiting(Option<Weak<Application>>),
    Up(Link),
    /// It is being stopped. The members wait for another run, if one follows.
    Stopping {
        link: Link,
        is_followed: bool,
    },
    /// It has stopped.
    Closed,
}

/// The run of a group.
#[derive(Clone)]
pub(super) struct Link {
    /// The name of the group.
    pub(super) path: Name,
    pub(super) application: Arc<Application>,
    pub(super) requests: UnboundedSender<MemberRequest>,
}

/// What the group keeps of a member.
pub(super) struct Place {
    /// Kept for the next run of the group; `None` once no run follows.
    pub(super) service: Option<CatchOnDrop<Arc<dyn Service>>>,
    settings: ServiceSettings,
    /// The key as it is shown.
    pub(super) label: Name,
    /// In the run of the group that is under way.
    pub(super) member: Option<Arc<Member>>,
}

impl Place {
    pub(super) fn new(label: Name, entry: Entry) -> Self {
        let service = entry.service.into_inner().map(Arc::from);
        Self {
            service: service.map(CatchOnDrop::new),
            settings: entry.settings,
            label,
            member: None,
        }
    }

    /// The request that takes the member into this run. `answer` learns when it is up.
    pub(super) fn request(
        &mut self,
        link: &Link,
        answer: Option<oneshot::Sender<AddResult>>,
    ) -> Option<MemberRequest> {
        let service = self.service.as_ref()?.as_ref()?.clone();
        let name = self.label.within(&link.path);
        let member = Member::new(instance_of(name, &*service, &self.settings));
        self.member = Some(member.clone());
        let service: Box<dyn Service> = Box::new(service);
        Some(MemberRequest::Add {
            member,
            service: CatchOnDrop::new(service),
            settings: self.settings,
            answer,
        })
    }
}

impl<K: Eq + Hash> State<K> {
    /// The values of all members, which no run will follow.
    pub(super) fn take_values(&mut self) -> Vec<CatchOnDrop<Arc<dyn Service>>> {
        let places = self.members.values_mut();
        places.filter_map(|place| place.service.take()).collect()
    }

    /// The run is over, whether or not its `stop` has come to its end.
    pub(super) fn settle(&mut self, outer: &Arc<Application>) {
        let Phase::Stopping { is_followed, .. } = self.phase else {
            return;
        };
        self.members.retain(|_, place| place.service.is_some());
        for place in self.members.values_mut() {
            place.member = None;
        }
        self.phase = if is_followed {
            Phase::Waiting(Some(Arc::downgrade(outer)))
        } else {
            Phase::Closed
        };
    }
}

/// A key as it is shown: what separates the parts of a path and what changes a terminal is escaped.
pub(super) fn label(key: &str) -> String {
    let mut label = String::with_capacity(key.len());
    for letter in key.chars() {
        match letter {
            '/' | '\\' => {
                label.push('\\');
                label.push(letter);
            }
            _ if letter.is_control() => {
                // Writing to a string does not fail.
                let _ = write!(label, "{}", letter.escape_default());
            }
            _ => label.push(letter),
        }
    }
    label
}
