//! What a program receives of an application that it has subscribed to: its moves, its events.

use std::sync::Arc;

use crate::report::event::Event;
use crate::report::status::Transition;
use crate::shared::application::Application;
use crate::shared::events::Cursor;
#[cfg(doc)]
use crate::shared::handle::Handle;
use crate::shared::subscribers::Subscription;

/// The moves of the services, as [`Handle::subscribe`] gives them.
///
/// Dropping it ends the subscription at once: nothing is kept for a subscriber that is gone.
///
/// ```
/// # use lifecycle::{Idle, State, registry, service};
/// # #[service(idle)] struct Store;
/// # impl Idle for Store {}
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let registry = registry! { "store" => Store };
/// let mut moves = registry.subscribe();
/// let running = registry.start();
/// while let Some(moved) = moves.recv().await {
///     if moved.to == State::Running {
///         break;
///     }
/// }
/// # running.stop().await.into_result().unwrap();
/// # }
/// ```
#[derive(Debug)]
pub struct Transitions(Subscription);

impl Transitions {
    pub(crate) fn new(subscription: Subscription) -> Self {
        Self(subscription)
    }

    /// The next move; `None` when the registry has stopped (or was dropped before it was started) and
    /// all have been received. Cancel-safe.
    pub async fn recv(&mut self) -> Option<Transition> {
        self.0.recv().await
    }
}

/// The events of an application, as [`Handle::events`] gives them.
///
/// ```
/// # use lifecycle::{EventKind, Idle, registry, service};
/// # #[service(idle)] struct Store;
/// # impl Idle for Store {}
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let registry = registry! { "store" => Store };
/// let mut events = registry.handle().events();
/// let running = registry.start();
/// let first = events.recv().await.unwrap();
/// assert_eq!((first.id, events.missed()), (1, 0));
/// # running.stop().await.into_result().unwrap();
/// # }
/// ```
#[derive(Debug)]
pub struct Events {
    application: Arc<Application>,
    cursor: Cursor,
}

impl Events {
    pub(super) fn new(application: Arc<Application>, after: Option<u64>) -> Self {
        let cursor = application.events.subscribe(after);
        Self {
            application,
            cursor,
        }
    }

    /// The next event; `None` when the registry has stopped (or was dropped before it was started) and
    /// all that are kept have been received. Cancel-safe.
    pub async fn recv(&mut self) -> Option<Event> {
        self.application.events.next(&mut self.cursor).await
    }

    /// How many events this subscription has missed so far, because it was too slow. Those are the ones before
    /// the event that [`recv`](Self::recv) gave last.
    #[must_use]
    pub fn missed(&self) -> u64 {
        self.cursor.missed
    }
}
