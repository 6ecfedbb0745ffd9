//! The members of a group: services that come and go while the group runs, each in a slot.
//!
//! # Invariants
//!
//! Only the supervisor of the group fills a slot, empties it, and gives it to another member. A slot keeps its
//! last member until then, so code that has its number finds an instance. A context holds its member by its run,
//! so it never finds the next one. No user code runs under the lock.
//!
//! The place of a member is set before the slot shows it, so each that is shown has one.
//!
//! A member and its last run refer to each other, so that one of the two must let go: the member does, once it is
//! removed, or else with the application.

use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock, RwLockReadGuard};

use crate::shared::instance::Instance;

/// One member, from its addition to its removal, in one run of the group.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) instance: Instance,
    /// Set once the supervisor has taken it in.
    place: OnceLock<Place>,
    is_leaving: AtomicBool,
    is_removed: AtomicBool,
}

impl Member {
    pub(crate) fn new(instance: Instance) -> Arc<Self> {
        Arc::new(Self {
            instance,
            place: OnceLock::new(),
            is_leaving: AtomicBool::new(false),
            is_removed: AtomicBool::new(false),
        })
    }

    /// Its slot, once the supervisor has taken it in.
    pub(crate) fn slot(&self) -> Option<usize> {
        self.place.get().map(|place| place.slot)
    }

    /// How many members the group has had before it, in this run.
    pub(crate) fn number(&self) -> u64 {
        self.place.get().map_or(u64::MAX, |place| place.number)
    }

    /// It is to be removed: its drain is told so.
    pub(crate) fn leave(&self) {
        self.is_leaving.store(true, Ordering::Release);
    }

    pub(crate) fn is_leaving(&self) -> bool {
        self.is_leaving.load(Ordering::Acquire)
    }

    /// Whether it is gone, and its slot may be that of another member.
    pub(crate) fn is_removed(&self) -> bool {
        self.is_removed.load(Ordering::Acquire)
    }
}

/// Where a member is among the others.
#[derive(Clone, Copy, Debug)]
struct Place {
    slot: usize,
    number: u64,
}

/// A group's members by slot. An empty slot keeps its last member, which is not shown.
#[derive(Debug, Default)]
pub(crate) struct Members(RwLock<Slots>);

#[derive(Debug, Default)]
struct Slots {
    members: Vec<Arc<Member>>,
    /// How many there have been.
    added: u64,
}

impl Members {
    /// Puts the member into this slot: an empty one, or the one after the last.
    pub(crate) fn put(&self, slot: usize, member: &Arc<Member>) {
        let mut slots = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let number = slots.added;
        slots.added += 1;
        let _ = member.place.set(Place { slot, number });
        let before = if let Some(place) = slots.members.get_mut(slot) {
            Some(std::mem::replace(place, member.clone()))
        } else {
            slots.members.push(member.clone());
            None
        };
        drop(slots);
        drop(before);
    }

    /// The member in this slot is gone.
    pub(crate) fn remove(&self, slot: usize) {
        let member = self.get(slot);
        member.is_removed.store(true, Ordering::Release);
        member.instance.drop_run();
    }

    pub(crate) fn get(&self, slot: usize) -> Arc<Member> {
        self.slots().members[slot].clone()
    }

    pub(crate) fn shown(&self) -> Vec<Arc<Member>> {
        let slots = self.slots();
        let there = slots.members.iter().filter(|member| !member.is_removed());
        there.cloned().collect()
    }

    fn slots(&self) -> RwLockReadGuard<'_, Slots> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Members {
    fn drop(&mut self) {
        let slots = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        for member in &slots.members {
            member.instance.drop_run();
        }
    }
}

/// The instance of a service: of a registry, or of a member of a group.
pub(crate) enum InstanceRef<'a> {
    Registered(&'a Instance),
    Member(Arc<Member>),
}

impl InstanceRef<'_> {
    /// The member, if it is one.
    pub(crate) fn member(&self) -> Option<Arc<Member>> {
        match self {
            Self::Registered(_) => None,
            Self::Member(member) => Some(member.clone()),
        }
    }
}

impl Deref for InstanceRef<'_> {
    type Target = Instance;

    fn deref(&self) -> &Instance {
        match self {
            Self::Registered(instance) => instance,
            Self::Member(member) => &member.instance,
        }
    }
}
