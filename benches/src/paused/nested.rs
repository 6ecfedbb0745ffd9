//! Registries that are services of a registry.

use lifecycle::Registry;

use crate::contender::{Contender, Hooks, Ours};
use crate::work::Work;

/// Each has one service.
pub(super) async fn ours(work: Work) {
    let mut builder = Registry::builder();
    for name in work.names {
        let inner = Registry::builder().service("one", Hooks(work.begun));
        let inner = inner.build().expect("the name is in order");
        builder = builder.service(*name, inner);
    }
    let registry = builder.build().expect("the names are in order");
    Ours::stop(Ours::start(registry.signals(false)).await).await;
}
