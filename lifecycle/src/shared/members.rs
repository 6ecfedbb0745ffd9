//! The members of a group: services that come and go while the group runs, each in a slot.
//!
//! # Invariants
//!
//! Only the supervisor of the group fills a slot, empties it, and gives it to another member. A slot keeps its
//! last member until then, so code that has its number finds an instance. A context holds its member by its run,
//! so it never finds the next one. No user code runs under the lock.

use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock, RwLockReadGuard};

use crate::shared::instance::Instance;

/// One member, from its addition to its removal, in one run of the group.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) instance: Instance,
    slot: OnceLock<usize>,
    is_removed: AtomicBool,
}

impl Member {
    pub(crate) fn new(instance: Instance) -> Arc<Self> {
        Arc::new(Self {
            instance,
            slot: OnceLock::new(),
            is_removed: AtomicBool::new(false),
        })
    }

    /// Its slot, once the supervisor has taken it in.
    pub(crate) fn slot(&self) -> Option<usize> {
        self.slot.get().copied()
    }

    /// Whether it is gone, and its slot may be that of another member.
    pub(crate) fn is_removed(&self) -> bool {
        self.is_removed.load(Ordering::Acquire)
    }
}

/// A group's members by slot. An empty slot keeps its last member, which is not shown.
#[derive(Debug, Default)]
pub(crate) struct Members(RwLock<Vec<Arc<Member>>>);

impl Members {
    /// Puts the member into this slot: an empty one, or the one after the last.
    pub(crate) fn put(&self, slot: usize, member: &Arc<Member>) {
        let _ = member.slot.set(slot);
        let mut slots = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let before = if let Some(place) = slots.get_mut(slot) {
            Some(std::mem::replace(place, member.clone()))
        } else {
            slots.push(member.clone());
            None
        };
        drop(slots);
        drop(before);
    }

    /// The member in this slot is gone.
    pub(crate) fn remove(&self, slot: usize) {
        self.get(slot).is_removed.store(true, Ordering::Release);
    }

    pub(crate) fn get(&self, slot: usize) -> Arc<Member> {
        self.slots()[slot].clone()
    }

    pub(crate) fn shown(&self) -> Vec<Arc<Member>> {
        let slots = self.slots();
        let there = slots.iter().filter(|member| !member.is_removed());
        there.cloned().collect()
    }

    fn slots(&self) -> RwLockReadGuard<'_, Vec<Arc<Member>>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The instance of a service: of a registry, or of a member of a group.
pub(crate) enum InstanceRef<'a> {
    Registered(&'a Instance),
    Member(Arc<Member>),
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
