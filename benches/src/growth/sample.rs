//! One sample of a point, in a process of its own: one life of an application with so many services, on one thread.

use std::fs;
use std::hint::black_box;
use std::ops::RangeInclusive;
use std::time::Duration;

use http::Request;
use lifecycle::{Context, Handle, Registry, Scheduled, service};
use lifecycle_ops::Ops;
use rustix::time::{ClockId, clock_gettime};
use tokio::runtime::Builder;
use tokio::time::sleep;
use tower_service::Service as _;

use super::Result;
use crate::contender::{Contender, Ours};
use crate::order::Order;
use crate::work::{Kind, Meter, PERIOD, Work};

/// A short look is taken again and again for so many seconds, and the mean is what counts.
const ENOUGH: f64 = 0.05;

/// So many services make what there is once, before anything is measured.
const FIRST: usize = 10;

/// So many ticks in a second leave the thread some rest.
const TICKS_A_SECOND: f64 = 200_000.0;

/// How many ticks are measured in all, if each service makes neither less nor more than [`ROUNDS`].
const TICKS: usize = 100_000;

/// How often each service ticks.
const ROUNDS: RangeInclusive<usize> = 3..=100;

type Figures = Vec<(&'static str, f64)>;

/// Prints the figures, one a line.
pub(super) fn main(what: &str, services: usize) -> Result {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    for (name, value) in runtime.block_on(measure(what, services))? {
        println!("{name} {value}");
    }
    Ok(())
}

async fn measure(what: &str, services: usize) -> Result<Figures> {
    let kind = match what {
        "idle" | "ops" => Kind::Idle,
        "ticks" => Kind::Tick,
        _ => Kind::Hooks,
    };
    let mut work = Work::new(kind, services);
    let first = work.first(FIRST.min(services));
    let period = PERIOD.max(Duration::from_secs_f64(services as f64 / TICKS_A_SECOND));
    match what {
        "idle" => {
            life(|| Ours::assemble(first), async |_| Ok(Vec::new())).await?;
            life(
                || Ours::assemble(work),
                async |handle| Ok(looks(&handle, &work)),
            )
            .await
        }
        "ops" => {
            life(|| Ours::assemble(first), answers).await?;
            life(|| Ours::assemble(work), answers).await
        }
        "ticks" => {
            life(
                || schedules(first, PERIOD),
                async |_| ticks(first, PERIOD).await,
            )
            .await?;
            life(
                || schedules(work, period),
                async |_| ticks(work, period).await,
            )
            .await
        }
        _ => {
            if let Some(order) = Order::named(what) {
                work = work.in_order(order);
            }
            life(|| Ours::assemble(first), async |_| Ok(Vec::new())).await?;
            life(|| Ours::assemble(work), async |_| Ok(Vec::new())).await
        }
    }
}

/// Assembly, start and stop of an application, and what is measured while it runs.
async fn life(
    assemble: impl FnOnce() -> Registry,
    meanwhile: impl AsyncFnOnce(Handle) -> Result<Figures>,
) -> Result<Figures> {
    let memory = resident()?;
    let began = cpu();
    let running = Ours::start(assemble()).await;
    let start = cpu() - began;
    let memory = resident()? - memory;
    let mut figures = meanwhile(running.handle()).await?;
    let began = cpu();
    Ours::stop(running).await;
    figures.extend([
        ("start", start),
        ("memory", memory),
        ("stop", cpu() - began),
    ]);
    Ok(figures)
}

#[service(scheduled(interval = self.period))]
struct Ticking {
    meter: &'static Meter,
    period: Duration,
}

impl Scheduled for Ticking {
    async fn tick(&self, _: &Context) -> lifecycle::Result {
        self.meter.tick();
        Ok(())
    }
}

fn schedules(work: Work, period: Duration) -> Registry {
    let mut builder = Registry::builder();
    for (name, meter) in work.names.iter().zip(work.meters) {
        builder = builder.service(*name, Ticking { meter, period });
    }
    let registry = builder.build().expect("the names are in order");
    registry.signals(false)
}

/// One tick of every service, on average.
async fn ticks(work: Work, period: Duration) -> Result<Figures> {
    let services = work.names.len();
    let rounds = u32::try_from((TICKS / services).clamp(*ROUNDS.start(), *ROUNDS.end()))?;
    // Every service has ticked once, and has what it needs for that.
    sleep(period + period / 2).await;
    let (before, began) = (work.ticks(), cpu());
    sleep(period * rounds).await;
    let took = cpu() - began;
    let ticks = (work.ticks() - before) as f64;
    Ok(vec![("tick", took / ticks * services as f64)])
}

fn looks(handle: &Handle, work: &Work) -> Figures {
    let all_at_once = mean(|| drop(black_box(handle.states())));
    let one_by_one = mean(|| {
        for name in work.names {
            black_box(handle.status(name));
        }
    });
    vec![("states", all_at_once), ("status", one_by_one)]
}

/// What `lifecycle-ops` answers, without the network.
async fn answers(handle: Handle) -> Result<Figures> {
    const PATHS: [&str; 4] = ["/readyz?verbose", "/services", "/metrics", "/"];
    let mut ops = Ops::service(handle);
    let mut figures = Vec::new();
    for path in PATHS {
        let (began, mut times) = (cpu(), 0.0);
        while times == 0.0 || cpu() - began < ENOUGH {
            let request = Request::get(path).header("host", "localhost").body(())?;
            let answer = ops.call(request).await?;
            if !answer.status().is_success() {
                return Err(format!("{path}: {}", answer.status()).into());
            }
            times += 1.0;
        }
        figures.push((path, (cpu() - began) / times));
    }
    Ok(figures)
}

fn mean(mut look: impl FnMut()) -> f64 {
    let (began, mut times) = (cpu(), 0.0);
    while times == 0.0 || cpu() - began < ENOUGH {
        look();
        times += 1.0;
    }
    (cpu() - began) / times
}

/// The processor time this process has had, in seconds.
fn cpu() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// The resident memory of this process, in bytes.
fn resident() -> Result<f64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    Ok(kib.ok_or("no VmRSS")? * 1024.0)
}
