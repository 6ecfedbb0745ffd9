//! Plays a plan on the paused clock and keeps all that can be seen of it.

use std::time::Duration;

use lifecycle::{Handle, OnFailure, Outcome, Running, ServiceStatus, Transition};
use lifecycle_tests::{Entry, Journal, Moves, secs, start};
use tokio::runtime::Builder;
use tokio::time::{Instant, sleep, timeout};

use super::plan::{End, Plan};

pub(crate) struct Record {
    pub(crate) entries: Vec<Entry>,
    pub(crate) moves: Vec<Transition>,
    pub(crate) origin: Instant,
    /// When the first request to stop was made.
    pub(crate) requested: Duration,
    /// When the owner asked for the stop.
    pub(crate) stopped: Duration,
    /// When it was over.
    pub(crate) over: Duration,
    /// None when the owner was dropped.
    pub(crate) outcome: Option<Outcome>,
    /// By service, not as listed.
    pub(crate) states: Vec<ServiceStatus>,
    /// Entries that came after the end.
    pub(crate) afterwards: usize,
    pub(crate) tasks_left: usize,
    /// The seconds at which what it said of its health was not true.
    pub(crate) false_health: Vec<u64>,
    /// When `await_healthy` said that it was; none when it told why not.
    pub(crate) healthy: Option<Duration>,
}

pub(crate) fn play(plan: &Plan) -> Record {
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    runtime.unwrap().block_on(async {
        let played = timeout(secs(6_000), record(plan)).await;
        played.expect("it never ended")
    })
}

async fn record(plan: &Plan) -> Record {
    let tasks = || {
        tokio::runtime::Handle::current()
            .metrics()
            .num_alive_tasks()
    };
    let before = tasks();
    let journal = Journal::new();
    let origin = Instant::now();
    let registry = plan.registry(&journal);
    let handle = registry.handle();
    let moves = Moves::watch(&handle);
    let running = start(registry);
    let requested = tokio::spawn({
        let handle = handle.clone();
        async move {
            handle.wait().await;
            origin.elapsed()
        }
    });
    let looking = tokio::spawn(look(handle.clone()));
    let healthy = tokio::spawn({
        let handle = handle.clone();
        async move { handle.await_healthy().await.ok().map(|()| origin.elapsed()) }
    });

    let (stopped, outcome) = end(plan.end, running, origin).await;
    let moves = moves.collect().await;
    let over = origin.elapsed();
    let entries = journal.entries();
    let requested = requested.await.unwrap();
    let false_health = looking.await.unwrap();
    let healthy = healthy.await.unwrap();
    let tasks_left = tasks() - before;
    sleep(secs(500)).await;
    Record {
        afterwards: journal.entries().len() - entries.len(),
        entries,
        moves,
        origin,
        requested,
        stopped,
        over,
        outcome,
        states: by_service(plan, &handle),
        tasks_left,
        false_health,
        healthy,
    }
}

fn by_service(plan: &Plan, handle: &Handle) -> Vec<ServiceStatus> {
    let mut states: Vec<_> = plan.listed().into_iter().zip(handle.states()).collect();
    states.sort_by_key(|(service, _)| *service);
    states.into_iter().map(|(_, status)| status).collect()
}

/// Ends the run as planned, or when the services have ended it.
async fn end(end: End, running: Running, origin: Instant) -> (Duration, Option<Outcome>) {
    let (End::Stop(at) | End::Request(at, _) | End::External(at) | End::Drop(at)) = end;
    let ended = timeout(secs(at), running.wait()).await.is_ok();
    match end {
        End::Request(_, later) if !ended => {
            running.handle().shutdown();
            running.wait().await;
            sleep(secs(later)).await;
        }
        End::External(_) => drop(running.wait().await),
        End::Drop(_) => {
            drop(running);
            return (origin.elapsed(), None);
        }
        _ => {}
    }
    let stopped = origin.elapsed();
    (stopped, Some(running.stop().await))
}

/// Looks once a second, half a second off, whether what it says of its health is true.
async fn look(handle: Handle) -> Vec<u64> {
    let mut false_health = Vec::new();
    let mut moves = handle.subscribe();
    sleep(Duration::from_millis(500)).await;
    for second in 0.. {
        let is_requested = timeout(secs(0), handle.wait()).await.is_ok();
        let all_healthy = handle.states().iter().all(is_as_it_should);
        if handle.is_healthy() != (all_healthy && !is_requested) {
            false_health.push(second);
        }
        let looked = timeout(secs(1), async { while moves.recv().await.is_some() {} });
        if looked.await.is_ok() {
            break;
        }
    }
    false_health
}

fn is_as_it_should(status: &ServiceStatus) -> bool {
    status.is_healthy() || status.on_failure == OnFailure::Ignore
}
