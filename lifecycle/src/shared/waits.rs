//! The waits of services for each other's ticks, so that a circle of them is found.
//!
//! The list is for all applications of the process, because one may trigger a tick of another.
//!
//! # Invariants
//!
//! A wait is checked and added under one lock. So if two waits would close a circle, one of them finds the
//! other. The guard of a wait removes it, however the wait ends. No user code runs under the lock.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::report::error::TriggerError;
use crate::report::name::Name;
use crate::shared::current::ServiceId;

/// There are few waits at a time, so a linear search is enough.
static WAITS: Mutex<Vec<Wait>> = Mutex::new(Vec::new());

struct Wait {
    asker: ServiceId,
    target: ServiceId,
    /// The name of the target.
    name: Name,
}

/// The guard of a wait: dropping it removes the wait.
#[must_use]
pub(crate) struct Waits {
    asker: ServiceId,
    target: ServiceId,
}

/// Adds the wait of `asker`'s code for a tick of `target`, which has this name.
pub(crate) fn begin(
    asker: ServiceId,
    target: ServiceId,
    name: &Name,
) -> Result<Waits, TriggerError> {
    let mut waits = waits();
    let mut path = vec![name];
    if leads_to(&waits, target, asker, &mut path) {
        let names: Vec<String> = path.iter().map(|name| format!("`{name}`")).collect();
        let (last, names) = (&names[names.len() - 1], names.join(" -> "));
        return Err(TriggerError::Cycle(format!("{last} -> {names}")));
    }
    waits.push(Wait {
        asker,
        target,
        name: name.clone(),
    });
    Ok(Waits { asker, target })
}

/// Whether `from` waits for `to`, directly or through others. Adds the names of the others, and of `to`, to
/// `path`. The recursion ends, because the waits in the list form no circle.
fn leads_to<'a>(
    waits: &'a [Wait],
    from: ServiceId,
    to: ServiceId,
    path: &mut Vec<&'a Name>,
) -> bool {
    for wait in waits.iter().filter(|wait| wait.asker == from) {
        path.push(&wait.name);
        if wait.target == to || leads_to(waits, wait.target, to, path) {
            return true;
        }
        path.pop();
    }
    false
}

impl Drop for Waits {
    fn drop(&mut self) {
        let mut waits = waits();
        let is_this = |wait: &Wait| (wait.asker, wait.target) == (self.asker, self.target);
        if let Some(index) = waits.iter().position(is_this) {
            waits.swap_remove(index);
        }
    }
}

fn waits() -> MutexGuard<'static, Vec<Wait>> {
    WAITS.lock().unwrap_or_else(PoisonError::into_inner)
}
