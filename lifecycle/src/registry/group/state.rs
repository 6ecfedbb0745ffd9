//! Which members a group has, and whether it runs.

use std::collections::HashMap;
use std::fmt::{self, Write};
use std::hash::Hash;
use std::sync::{Arc, Weak};

use tokio::sync::oneshot;

use crate::engine::settings::{ServiceSettings, SharedSettings};
use crate::panics::CatchOnDrop;
use crate::report::name::Name;
use crate::run::members::{AddResult, MemberRequest};
use crate::run::plan::instance_of;
use crate::shape::service::Service;
use crate::shared::application::Application;
use crate::shared::inbox::Inbox;
use crate::shared::members::Member;

pub(super) struct State<K> {
    pub(super) phase: Phase,
    pub(super) members: HashMap<K, Place>,
    /// How many members there have been.
    pub(super) added: u64,
    /// Where the name of a member is written: used again, because members may come and go all the time.
    pub(super) text: String,
    /// Members with the same settings have them in common.
    pub(super) settings: SharedSettings,
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
    pub(super) requests: Arc<Inbox<MemberRequest>>,
}

/// What the group keeps of a member.
pub(super) struct Place {
    /// Kept for the next run of the group; `None` once no run follows.
    pub(super) service: Option<CatchOnDrop<Arc<dyn Service>>>,
    settings: Arc<ServiceSettings>,
    /// The key as it is shown, behind the path of the group if that was known.
    name: Name,
    /// Where the key begins.
    key_at: usize,
    /// How many members there were before it: they start in this order.
    number: u64,
    /// In the run of the group that is under way, or else in the last one.
    pub(super) member: Option<Arc<Member>>,
}

impl Place {
    /// A place without a number yet.
    pub(super) fn new(
        name: Name,
        key_at: usize,
        service: CatchOnDrop<Arc<dyn Service>>,
        settings: Arc<ServiceSettings>,
    ) -> Self {
        Self {
            service: Some(service),
            settings,
            name,
            key_at,
            number: 0,
            member: None,
        }
    }

    /// The key as it is shown.
    pub(super) fn shown_key(&self) -> &str {
        &self.name[self.key_at..]
    }

    /// Its name in this run of the group.
    fn name_within(&mut self, path: &Name) -> Name {
        let known = self.name[..self.key_at].strip_suffix('/');
        if known != Some(path.as_str()) {
            self.name = Name::joined(path, self.shown_key());
            self.key_at = path.len() + 1;
        }
        self.name.clone()
    }

    /// The request that takes the member into this run. `answer` learns when it is up.
    pub(super) fn request(
        &mut self,
        link: &Link,
        answer: Option<oneshot::Sender<AddResult>>,
    ) -> Option<MemberRequest> {
        let service = self.service.as_ref()?.as_ref()?.clone();
        let name = self.name_within(&link.path);
        let member = Member::new(instance_of(name, &*service, &self.settings));
        if let Some(before) = self.member.replace(member.clone()) {
            member.instance.keep_paused(&before.instance);
        }
        Some(MemberRequest::Add {
            member,
            service: CatchOnDrop::new(service),
            settings: self.settings.clone(),
            answer,
        })
    }
}

impl<K> State<K> {
    /// The name of the group, if it runs.
    pub(super) fn path(&self) -> Option<&Name> {
        match &self.phase {
            Phase::Up(link) => Some(&link.path),
            _ => None,
        }
    }
}

impl<K: Eq + Hash> State<K> {
    pub(super) fn insert(&mut self, key: K, mut place: Place) {
        place.number = self.added;
        self.added += 1;
        self.members.insert(key, place);
    }

    /// The members in the order in which they were added.
    pub(super) fn in_order(&mut self) -> Vec<&mut Place> {
        let mut places: Vec<_> = self.members.values_mut().collect();
        places.sort_by_key(|place| place.number);
        places
    }

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
        self.phase = if is_followed {
            Phase::Waiting(Some(Arc::downgrade(outer)))
        } else {
            Phase::Closed
        };
    }
}

/// A key as it is shown: what separates the parts of a path and what changes a terminal is escaped.
pub(super) fn label(key: impl fmt::Display) -> String {
    let mut text = String::new();
    write_label(&mut text, key);
    text
}

/// Writes the key as it is shown. Returns how long it was before anything was escaped.
pub(super) fn write_label(text: &mut String, key: impl fmt::Display) -> usize {
    let mut label = Label { text, length: 0 };
    // Only the key's own `Display` can fail: it is shown as far as that has come.
    let _ = write!(label, "{key}");
    label.length
}

struct Label<'a> {
    text: &'a mut String,
    length: usize,
}

impl Write for Label<'_> {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        self.length += part.len();
        let is_plain = |byte: u8| matches!(byte, b' '..=b'~') && byte != b'/' && byte != b'\\';
        if part.bytes().all(is_plain) {
            self.text.push_str(part);
            return Ok(());
        }
        for letter in part.chars() {
            match letter {
                '/' | '\\' => {
                    self.text.push('\\');
                    self.text.push(letter);
                }
                _ if letter.is_control() => write!(self.text, "{}", letter.escape_default())?,
                _ => self.text.push(letter),
            }
        }
        Ok(())
    }
}
