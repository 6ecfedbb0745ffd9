//! The subscribers of an application, to whom the supervisor tells each move of a service.
//!
//! # Invariants
//!
//! - A subscription is added, and a move is sent, under the one lock. So a subscription from before the start
//!   receives every move, and each subscription receives the moves in the same order. The number of a
//!   subscription is never used twice, so one that is dropped late removes no other.
//! - No wakers and no destructors run under the lock, except that a move is sent under it, where a panic of a
//!   waker is caught.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::mpsc;

use crate::panics;
use crate::report::status::Transition;

#[derive(Debug, Default)]
pub(crate) struct Subscribers(Mutex<List>);

#[derive(Debug, Default)]
struct List {
    /// By number, so in the order of subscription.
    senders: BTreeMap<u64, mpsc::UnboundedSender<Transition>>,
    next: u64,
    closed: bool,
}

/// The moves, from the subscription on. Dropping it ends the subscription at once.
#[derive(Debug)]
pub(crate) struct Subscription {
    moves: mpsc::UnboundedReceiver<Transition>,
    subscribers: Weak<Subscribers>,
    number: u64,
}

impl Subscribers {
    pub(crate) fn subscribe(self: &Arc<Self>) -> Subscription {
        let (sender, moves) = mpsc::unbounded_channel();
        let mut list = self.list();
        let number = list.next;
        if !list.closed {
            list.next += 1;
            list.senders.insert(number, sender);
        }
        Subscription {
            moves,
            subscribers: Arc::downgrade(self),
            number,
        }
    }

    /// Whether there is a subscription.
    pub(crate) fn is_some(&self) -> bool {
        !self.list().senders.is_empty()
    }

    /// Sends a move to each subscriber. It is made only if there is one.
    pub(crate) fn send(&self, transition: impl FnOnce() -> Transition) {
        let list = self.list();
        if list.senders.is_empty() {
            return;
        }
        let transition = transition();
        for sender in list.senders.values() {
            // A subscription that is gone removes itself from the list. If a waker panics, its subscription
            // has received the move.
            let _ = panics::catch(|| sender.send(transition.clone()));
        }
    }

    /// Ends every subscription: no move will follow.
    pub(crate) fn close(&self) {
        let mut list = self.list();
        list.closed = true;
        let senders = std::mem::take(&mut list.senders);
        drop(list);
        // Dropping a sender wakes the task that waits for a move.
        let _ = panics::drop_each(senders);
    }

    fn list(&self) -> MutexGuard<'_, List> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Subscription {
    pub(crate) async fn recv(&mut self) -> Option<Transition> {
        self.moves.recv().await
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let Some(subscribers) = self.subscribers.upgrade() else {
            return;
        };
        let sender = subscribers.list().senders.remove(&self.number);
        // Dropping the sender wakes the task that waited here, so it happens outside the lock.
        let _ = panics::catch(|| drop(sender));
    }
}
