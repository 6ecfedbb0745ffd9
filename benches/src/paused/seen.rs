//! Lives that somebody is told of: each way to be told of every move.

use std::hint::black_box;

use tokio::task::JoinHandle;

use crate::contender::{Contender, Ours};
use crate::work::Work;

/// By `Registry::on_event`, whose observer has a thread of its own.
pub(super) async fn on_event(work: Work) {
    let registry = Ours::assemble(work).on_event(|event| {
        black_box(event);
    });
    Ours::stop(Ours::start(registry).await).await;
}

/// By `Handle::events`, which keeps the last ones for an observer that is slow.
pub(super) async fn events(work: Work) {
    let registry = Ours::assemble(work);
    let mut events = registry.handle().events();
    let reader = tokio::spawn(async move {
        while let Some(event) = events.recv().await {
            black_box(event);
        }
    });
    lead(registry, reader).await;
}

/// By `Registry::subscribe`, which tells of moves only.
pub(super) async fn subscribe(work: Work) {
    let registry = Ours::assemble(work);
    let mut moves = registry.subscribe();
    let reader = tokio::spawn(async move {
        while let Some(seen) = moves.recv().await {
            black_box(seen);
        }
    });
    lead(registry, reader).await;
}

async fn lead(registry: lifecycle::Registry, reader: JoinHandle<()>) {
    Ours::stop(Ours::start(registry).await).await;
    reader.await.expect("nothing panics");
}
