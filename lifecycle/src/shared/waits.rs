//! Which service's code waits for which service's tick, so that none waits for itself by way of others.
//!
//! Of all applications of the process: one may ask for a tick of another.
//!
//! # Invariants
//!
//! A wait is added and checked under one lock, so of two that would close a circle one sees the other.
//! The guard that stands for a wait takes it out again, however the wait ends. No code of others runs
//! under the lock.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::report::error::TriggerError;
use crate::report::name::Name;
use crate::shared::current::ServiceId;

/// There are few at a time: they are searched one by one.
static WAITS: Mutex<Vec<Wait>> = Mutex::new(Vec::new());

struct Wait {
    asker: ServiceId,
    target: ServiceId,
    /// Of the target.
    name: Name,
}

/// Stands for a wait while it lasts.
#[must_use]
pub(crate) struct Waits {
    asker: ServiceId,
    target: ServiceId,
}

/// The code of `asker` waits for a tick of `target`, which is called `name`.
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

/// Whether `from` waits for `to`, directly or further on; `path` names those in between, and `to`.
/// There is no circle among the waits, so it comes to an end.
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
