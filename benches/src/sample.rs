//! One measurement, in a process of its own, so that nobody measures what another has left behind. The
//! arguments say what; the figures are printed, one a line.

use std::fs;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use tokio::runtime::Runtime;
use tokio::time::sleep;

use crate::contender::{Contender, on};
use crate::order::Order;
use crate::work::{Kind, PERIOD, Work};

/// What the allocator has been asked for until now.
#[derive(Clone, Copy, Debug, Default)]
pub struct Heap {
    /// How many allocations, those that grew among them.
    pub allocations: usize,
    /// How many bytes have not been given back.
    pub live: usize,
}

/// How a process finds out what its allocator has done. None where nobody counts, so that nobody pays
/// for it.
pub type Counter = Option<fn() -> Heap>;

/// Figures by their names.
type Figures = Vec<(&'static str, f64)>;

/// How long after the start the ticks are counted from: by then it has settled.
const SETTLING: Duration = Duration::from_millis(200);

/// The main function of a process that measures: what, whom, how many services, how many seconds.
///
/// # Errors
///
/// What is wrong with the arguments.
pub fn main(counter: Counter) -> Result<(), String> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [what, contender, services, seconds] = &*args else {
        return Err("say what, whom, how many services, how many seconds".to_owned());
    };
    let services = services.parse().map_err(|_| "how many services?")?;
    let seconds = seconds.parse().map_err(|_| "how many seconds?")?;
    let runtime = Runtime::new().map_err(|error| error.to_string())?;
    let figures = runtime.block_on(async {
        match (&**what, Order::named(what)) {
            ("idle", _) => on!(
                &**contender,
                life(Work::new(Kind::Idle, services), counter).await
            ),
            ("drain", _) => on!(
                &**contender,
                life(Work::new(Kind::Drain, services), counter).await
            ),
            ("ticks", _) => on!(&**contender, ticks(services, seconds, counter).await),
            (_, Some(order)) => {
                let work = Work::new(Kind::Idle, services).in_order(order);
                on!(&**contender, life(work, counter).await)
            }
            _ => None,
        }
    });
    for (name, value) in figures.ok_or_else(|| format!("no {what} of {contender}"))? {
        println!("{name} {value}");
    }
    Ok(())
}

/// The application is assembled, started, and stopped.
async fn life<C: Contender>(work: Work, counter: Counter) -> Figures {
    let services = work.names.len() as f64;
    let before = heap(counter);
    let began = Instant::now();
    let assembled = C::assemble(work);
    let assembly = began.elapsed();
    let began = Instant::now();
    let running = C::start(assembled).await;
    let start = began.elapsed();
    let at_rest = heap(counter);
    // So that the stop is not measured against the end of the start.
    sleep(SETTLING).await;
    let asked = Instant::now();
    C::stop(running).await;
    let down = asked.elapsed();
    let end = heap(counter);
    vec![
        ("assembly", assembly.as_secs_f64()),
        ("start", start.as_secs_f64()),
        ("stop", down.as_secs_f64()),
        ("peak", peak()),
        (
            "allocations",
            (at_rest.allocations - before.allocations) as f64 / services,
        ),
        ("live", (at_rest.live - before.live) as f64 / services),
        (
            "allocations of a life",
            (end.allocations - before.allocations) as f64 / services,
        ),
    ]
}

/// The services tick for some time.
async fn ticks<C: Contender>(services: usize, seconds: u64, counter: Counter) -> Figures {
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
        ("allocations", allocations as f64 / ticks),
        ("drift", drift.as_secs_f64()),
        ("missed", 1.0 - ticks / due),
    ]
}

fn heap(counter: Counter) -> Heap {
    counter.map_or(Heap::default(), |count| count())
}

/// The processor time this process has had.
fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(
        time.tv_sec.unsigned_abs(),
        u32::try_from(time.tv_nsec).unwrap_or(0),
    )
}

/// The most memory this process has had, in bytes.
fn peak() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kib.unwrap_or(f64::NAN) * 1024.0
}
