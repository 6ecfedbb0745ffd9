//! The mailbox of a thread that has no runtime. The channel of the standard library does more, and would be a
//! twentieth of a small program.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Anybody may send, without waiting; one thread receives.
///
/// # Invariants
///
/// No message is missed. `send` adds it under the lock and wakes the thread afterwards. `receive` looks for one under the
/// same lock, and gives the lock back in the same step in which it begins to wait. So either it finds the message, or
/// it waits already when `send` wakes it.
#[derive(Debug)]
pub(crate) struct Mailbox<T>(Arc<Inner<T>>);

#[derive(Debug)]
struct Inner<T> {
    messages: Mutex<VecDeque<T>>,
    arrived: Condvar,
}

impl<T> Mailbox<T> {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Inner {
            messages: Mutex::default(),
            arrived: Condvar::new(),
        }))
    }

    pub(crate) fn send(&self, message: T) {
        self.messages().push_back(message);
        self.0.arrived.notify_one();
    }

    /// The next message; `None` if there is none until `until`.
    pub(crate) fn receive(&self, until: Option<Instant>) -> Option<T> {
        let mut messages = self.messages();
        loop {
            if let Some(message) = messages.pop_front() {
                return Some(message);
            }
            let arrived = &self.0.arrived;
            messages = match until.map(|until| until.saturating_duration_since(Instant::now())) {
                None => arrived
                    .wait(messages)
                    .unwrap_or_else(PoisonError::into_inner),
                Some(left) if left.is_zero() => return None,
                Some(left) => {
                    let woken = arrived.wait_timeout(messages, left);
                    woken.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    fn messages(&self) -> MutexGuard<'_, VecDeque<T>> {
        self.0
            .messages
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Clone for Mailbox<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::Duration;

    use super::*;

    #[test]
    fn messages_come_in_order_and_none_is_missed() {
        let mailbox = Mailbox::new();
        let sender = mailbox.clone();
        let sending = thread::spawn(move || {
            for message in 0..10_000 {
                sender.send(message);
            }
        });
        for message in 0..10_000 {
            assert_eq!(mailbox.receive(None), Some(message));
        }
        sending.join().unwrap();
        assert_eq!(mailbox.receive(Some(Instant::now())), None);
    }

    #[test]
    fn a_message_that_is_there_comes_before_the_time_is_over() {
        let mailbox = Mailbox::new();
        mailbox.send(1);
        let past = Instant::now().checked_sub(Duration::from_secs(1));
        assert_eq!(mailbox.receive(past), Some(1));
        assert_eq!(mailbox.receive(past), None);
    }
}
