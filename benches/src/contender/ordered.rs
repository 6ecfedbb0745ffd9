//! An order written by hand, for [`Bare`](super::Bare): each service shows its state on a channel of its
//! own, waits for what it depends on before it runs, and for what depends on it before it ends.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::work::Work;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    Waiting,
    Running,
    Down,
}

struct Node {
    state: watch::Sender<State>,
    after: &'static [usize],
    before: Vec<usize>,
}

/// Spawns the services.
pub(super) fn spawn(work: Work, stopped: &watch::Receiver<()>, tasks: &mut JoinSet<()>) {
    let nodes = nodes(work.after);
    for index in 0..nodes.len() {
        let (nodes, mut stopped) = (nodes.clone(), stopped.clone());
        tasks.spawn(async move {
            let node = &nodes[index];
            for &dependency in node.after {
                reached(&nodes[dependency], State::Running).await;
            }
            node.state.send_replace(State::Running);
            work.begun.tell();
            let _ = stopped.changed().await;
            for &dependent in &node.before {
                reached(&nodes[dependent], State::Down).await;
            }
            work.begun.take_back();
            node.state.send_replace(State::Down);
        });
    }
}

fn nodes(after: &'static [Vec<usize>]) -> Arc<[Node]> {
    let node = |after: &'static Vec<usize>| Node {
        state: watch::Sender::new(State::Waiting),
        after,
        before: Vec::new(),
    };
    let mut nodes: Vec<Node> = after.iter().map(node).collect();
    for (service, after) in after.iter().enumerate() {
        for &dependency in after {
            nodes[dependency].before.push(service);
        }
    }
    nodes.into()
}

async fn reached(node: &Node, state: State) {
    let _ = node.state.subscribe().wait_for(|now| *now >= state).await;
}
