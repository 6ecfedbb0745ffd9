//! Members that come and go, one after the other.

use std::collections::HashMap;

use lifecycle::{Group, MemberOutcome, Registry};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use crate::contender::{Contender, Hooks, Ours};
use crate::work::{Begun, Work};

/// Members of a group: each is added, awaited until it is up, and removed.
pub(super) async fn ours(work: Work) {
    let group = Group::new();
    let registry = Registry::builder().service("group", group.clone());
    let registry = registry.build().expect("the name is in order");
    let running = Ours::start(registry.signals(false)).await;
    for name in work.names {
        let added = group.add(*name, Hooks(work.begun)).await;
        added.expect("nothing can fail");
        let outcome = group.remove(name).await;
        assert!(matches!(outcome, MemberOutcome::Stopped), "{outcome:?}");
    }
    Ours::stop(running).await;
}

/// A map of tasks, each with a channel to stop it.
pub(super) async fn bare(work: Work) {
    let mut members = HashMap::<&str, (watch::Sender<()>, JoinHandle<()>)>::new();
    for name in work.names {
        let (stop, stopped) = watch::channel(());
        let (up, is_up) = oneshot::channel();
        let task = tokio::spawn(member(work.begun, up, stopped));
        members.insert(name, (stop, task));
        is_up.await.expect("it tells");
        let (stop, task) = members.remove(name).expect("it is there");
        stop.send_replace(());
        task.await.expect("nothing panics");
    }
}

async fn member(begun: &Begun, up: oneshot::Sender<()>, mut stopped: watch::Receiver<()>) {
    begun.tell();
    let _ = up.send(());
    let _ = stopped.changed().await;
    begun.take_back();
}
