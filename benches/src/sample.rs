//! One measurement, in a process of its own, so that nobody measures what another has left behind. The
//! arguments say what; the figures are printed, one a line.

mod life;
mod reads;
mod ticks;

use std::env;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use tokio::runtime::Runtime;

use self::life::life;
use self::reads::reads;
use self::ticks::ticks;
use crate::contender::{Members, on};
use crate::order::Order;
use crate::work::{Kind, Work};

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

/// Figures by their names. Times are in seconds, for the whole application.
type Figures = Vec<(&'static str, f64)>;

/// The main function of a process that measures: what, whom, how many services, how many seconds.
///
/// # Errors
///
/// What is wrong with the arguments.
pub fn main(counter: Counter) -> Result<(), String> {
    let args: Vec<String> = env::args().skip(1).collect();
    let [what, contender, services, seconds] = &*args else {
        return Err("say what, whom, how many services, how many seconds".to_owned());
    };
    let services = services.parse().map_err(|_| "how many services?")?;
    let seconds = seconds.parse().map_err(|_| "how many seconds?")?;
    let runtime = Runtime::new().map_err(|error| error.to_string())?;
    let figures = runtime.block_on(measure(what, contender, services, seconds, counter));
    for (name, value) in figures.ok_or_else(|| format!("no {what} of {contender}"))? {
        println!("{name} {value}");
    }
    Ok(())
}

async fn measure(
    what: &str,
    contender: &str,
    services: usize,
    seconds: u64,
    counter: Counter,
) -> Option<Figures> {
    let work = match what {
        "idle" => Work::new(Kind::Idle, services),
        "hooks" => Work::new(Kind::Hooks, services),
        "drain" => Work::new(Kind::Drain, services),
        "members" if contender == "lifecycle" => {
            return Some(life::<Members>(Work::new(Kind::Hooks, services), counter).await);
        }
        "ticks" => return on!(contender, ticks(services, seconds, counter).await),
        "reads" if contender == "lifecycle" => return Some(reads(services).await),
        _ => Work::new(Kind::Hooks, services).in_order(Order::named(what)?),
    };
    on!(contender, life(work, counter).await)
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
