//! What it costs to look at an application that runs, and to be told of every move. Nobody else has
//! these, so there is nothing to compare with.

use std::hint::black_box;
use std::thread;
use std::time::{Duration, Instant};

use lifecycle::Handle;

use super::Figures;
use crate::contender::{Contender, Ours};
use crate::work::{Kind, Work};

/// How many threads ask at once, where more than one does.
const THREADS: u32 = 4;

/// How often readiness is asked for.
const QUESTIONS: u32 = 5_000_000;

/// How often an application is started and stopped.
const LIVES: u32 = 10;

/// How many statuses are read in all.
const STATUSES: usize = 1_000_000;

pub(super) async fn reads(services: usize) -> Figures {
    let running = Ours::start(Ours::assemble(Work::new(Kind::Idle, services))).await;
    let handle = running.handle();
    let alone = ask(&handle);
    let together = ask_together(&handle);
    let times = u32::try_from(STATUSES / services).unwrap_or(u32::MAX);
    let began = Instant::now();
    for _ in 0..times {
        black_box(handle.states());
    }
    let states = began.elapsed() / times;
    Ours::stop(running).await;
    let (unseen, seen) = whole_lives(services).await;
    vec![
        ("healthy", alone.as_secs_f64()),
        ("healthy together", together.as_secs_f64()),
        ("states", states.as_secs_f64()),
        ("unseen", unseen.as_secs_f64()),
        ("seen", seen.as_secs_f64()),
    ]
}

fn ask(handle: &Handle) -> Duration {
    let began = Instant::now();
    for _ in 0..QUESTIONS {
        black_box(black_box(handle).is_healthy());
    }
    began.elapsed() / QUESTIONS
}

/// The same from several threads at once: what one of them waits for an answer.
fn ask_together(handle: &Handle) -> Duration {
    let total: Duration = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(|| ask(handle))).collect();
        let times = threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_default());
        times.sum()
    });
    total / THREADS
}

/// How long a start and a stop take without and with a subscriber, on average. They take turns, for the
/// process gets faster with each.
async fn whole_lives(services: usize) -> (Duration, Duration) {
    let (mut unseen, mut seen) = (Duration::ZERO, Duration::ZERO);
    whole_life(services, true).await;
    for _ in 0..LIVES {
        unseen += whole_life(services, false).await;
        seen += whole_life(services, true).await;
    }
    (unseen / LIVES, seen / LIVES)
}

/// A start and a stop, perhaps with somebody who is told of every move.
async fn whole_life(services: usize, is_seen: bool) -> Duration {
    let registry = Ours::assemble(Work::new(Kind::Idle, services));
    let began = Instant::now();
    let running = registry.start();
    let listener = is_seen.then(|| {
        let mut moves = running.handle().subscribe();
        tokio::spawn(async move { while moves.recv().await.is_some() {} })
    });
    running.await_healthy().await.expect("nothing can fail");
    Ours::stop(running).await;
    if let Some(listener) = listener {
        listener.await.expect("nothing panics");
    }
    began.elapsed()
}
