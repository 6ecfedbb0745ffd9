//! Services that tick, for some seconds.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::{Counter, Figures, cpu, heap};
use crate::contender::Contender;
use crate::work::{Kind, PERIOD, Work};

/// The ticks of the start are not counted.
const SETTLING: Duration = Duration::from_millis(200);

pub(super) async fn ticks<C: Contender>(
    services: usize,
    seconds: u64,
    counter: Counter,
) -> Figures {
    let work = Work::new(Kind::Tick, services);
    let running = C::start(C::assemble(work)).await;
    sleep(SETTLING).await;
    let (heap_before, ticks_before, cpu_before) = (heap(counter), work.ticks(), cpu());
    let began = Instant::now();
    sleep(Duration::from_secs(seconds)).await;
    let took = began.elapsed();
    let used = cpu().saturating_sub(cpu_before);
    let ticks = (work.ticks() - ticks_before) as f64;
    let allocations = heap(counter).allocations - heap_before.allocations;
    let drift = work.drift();
    C::stop(running).await;
    let due = took.as_secs_f64() / PERIOD.as_secs_f64() * services as f64;
    vec![
        ("cpu", used.as_secs_f64() / ticks * 1e6),
        ("per tick", allocations as f64 / ticks),
        ("drift", drift.as_secs_f64()),
        // One at either end may lie just beyond.
        ("missed", (1.0 - ticks / due).max(0.0)),
    ]
}
