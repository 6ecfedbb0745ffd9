//! From an application in pieces to one that runs, and to one whose last service is down.

use std::fs;
use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::{Counter, Figures, cpu, heap};
use crate::contender::Contender;
use crate::work::Work;

/// So that the stop is not measured against the end of the start.
const REST: Duration = Duration::from_millis(100);

/// The application is assembled, started, and stopped.
pub(super) async fn life<C: Contender>(work: Work, counter: Counter) -> Figures {
    let services = work.names.len() as f64;
    let before = heap(counter);
    let cpu_before = cpu();
    let began = Instant::now();
    let assembled = C::assemble(work);
    let assembly = began.elapsed();
    let began = Instant::now();
    let running = C::start(assembled).await;
    let start = began.elapsed();
    let at_rest = heap(counter);
    sleep(REST).await;
    let began = Instant::now();
    C::stop(running).await;
    let stop = began.elapsed();
    let end = heap(counter);
    let used = cpu().saturating_sub(cpu_before);
    let allocated = |until: usize| (until - before.allocations) as f64 / services;
    vec![
        ("assembly", assembly.as_secs_f64()),
        ("start", start.as_secs_f64()),
        ("running", (assembly + start).as_secs_f64()),
        ("stop", stop.as_secs_f64()),
        ("cpu", used.as_secs_f64()),
        ("peak", peak()),
        ("allocations", allocated(at_rest.allocations)),
        ("whole life", allocated(end.allocations)),
        (
            "live",
            at_rest.live.saturating_sub(before.live) as f64 / services,
        ),
    ]
}

/// The most memory this process has had, in bytes.
fn peak() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kib.unwrap_or(f64::NAN) * 1024.0
}
