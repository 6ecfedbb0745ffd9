//! When a lease may have become free: a watch tells that it was given back, and of signs of life, after which its term ends.
//!
//! # Invariants
//!
//! A watch begins at the revision after the last look, so what comes between a refused take and the wait is told. That a term is over is
//! told once for each sign of life: a take that fails then is not asked for again and again.

use tokio::time::{Instant, sleep_until};

use crate::etcd::Etcd;
use crate::gateway::Watch;
use crate::gateway::message::{self, WatchResult};
use crate::keys::{LeaseKeys, end_of};
use crate::leases::term_of;
use crate::observed::Sign;

impl Etcd {
    /// Waits until the lease may be free: it is given back, or its term is over.
    pub(crate) async fn wait_for(&self, name: &str) {
        let mut watch = self.watch(name).await;
        loop {
            let Some(wait) = self.observed.wait(name) else {
                return std::future::pending().await;
            };
            tokio::select! {
                () = at(wait.over) => return self.observed.told(name),
                told = next(&mut watch) => match told {
                    Some(told) if self.hear(name, &told) => return,
                    Some(_) => {}
                    // What it would have told may be lost, and the next look tells all.
                    None => watch = None,
                }
            }
        }
    }

    /// Watches the keys of this lease from where the last look ended; `None` where that can't be had: it is for hints only.
    async fn watch(&self, name: &str) -> Option<Watch> {
        let wait = self.observed.wait(name)?;
        let LeaseKeys { alive, holder } = self.keys(name);
        let watch = message::watch(&alive, &end_of(&holder), wait.looked_at + 1);
        let watching = self
            .gateway
            .watch(self.gateway.call("watch a lease"), &watch);
        tokio::select! {
            watch = watching => watch.ok(),
            () = at(wait.over) => None,
        }
    }

    /// Whether the lease was given back, or may have been: what has passed is compacted. A sign of life lets the wait begin anew.
    fn hear(&self, name: &str, told: &WatchResult) -> bool {
        if told.canceled {
            return true;
        }
        let keys = self.keys(name);
        for event in &told.events {
            if event.is_deletion() && event.kv.key == keys.holder {
                return true;
            }
            if let (false, true, Some(term)) = (
                event.is_deletion(),
                event.kv.key == keys.alive,
                term_of(&event.kv.value),
            ) {
                let revision = event.kv.mod_revision;
                self.observed
                    .saw(name, Sign { revision, term }, told.header.revision);
            }
        }
        false
    }
}

async fn at(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => std::future::pending().await,
    }
}

async fn next(watch: &mut Option<Watch>) -> Option<WatchResult> {
    match watch {
        Some(watch) => watch.next().await,
        None => std::future::pending().await,
    }
}
