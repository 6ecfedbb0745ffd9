//! What is counted instruction by instruction: the same services on one thread and on a clock that
//! stands still until everybody sleeps, so that next to nothing is left to chance.

mod nested;
mod renewals;
mod restarts;
mod seen;
mod turnover;

use std::io;

use tokio::runtime::Builder;
use tokio::time::sleep;

use crate::contender::{Contender, Members, on};
use crate::order::Order;
use crate::work::{Kind, PERIOD, Work};

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// A tick of a service.
    Tick,
    /// The whole life of a service: assembled, started, stopped.
    Life,
    /// The same where each has something to do at its start and at its stop.
    LifeWithHooks,
    /// That where each depends on three others, on average.
    OrderedLife,
    /// That where each depends on the one before.
    LifeInAChain,
    /// A life of which the stop takes a while, of all services at once.
    LifeWithADrain,
    /// The life of a member of a group, with something to do at its start and at its stop.
    MemberLife,
    /// The same, where each is added, awaited, and removed before the next.
    MemberTurnover,
    /// A life with hooks, every move of which an observer is told.
    LifeOnEvent,
    /// The same, of which `events()` tell.
    LifeInEvents,
    /// The same, of which a subscriber is told.
    LifeSubscribed,
    /// A registry with one service, as a service of a registry.
    NestedLife,
    /// From the failure of a service to its next run, after a wait.
    Restart,
    /// One renewal of a lease, in a store that is in memory.
    Renewal,
}

/// How many services there are at most. So many are made ready, however few of them are run: what that
/// takes is no part of any figure.
const MOST: usize = 1_500;

/// How much of it.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// How many services there are.
    pub services: usize,
    /// How often each ticks, restarts or renews.
    pub ticks: u32,
}

impl Size {
    /// How many of what is counted.
    #[must_use]
    pub fn units(self) -> u64 {
        self.services as u64 * u64::from(self.ticks.max(1))
    }
}

impl Counted {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::Tick,
        Self::Life,
        Self::LifeWithHooks,
        Self::OrderedLife,
        Self::LifeInAChain,
        Self::LifeWithADrain,
        Self::MemberLife,
        Self::MemberTurnover,
        Self::LifeOnEvent,
        Self::LifeInEvents,
        Self::LifeSubscribed,
        Self::NestedLife,
        Self::Restart,
        Self::Renewal,
    ];

    /// What it is called.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Tick => "tick",
            Self::Life => "life",
            Self::LifeWithHooks => "life with hooks",
            Self::OrderedLife => "ordered life",
            Self::LifeInAChain => "life in a chain",
            Self::LifeWithADrain => "life with a drain that waits",
            Self::MemberLife => "life of a member",
            Self::MemberTurnover => "member added and removed",
            Self::LifeOnEvent => "life with hooks, told on_event",
            Self::LifeInEvents => "life with hooks, told by events()",
            Self::LifeSubscribed => "life with hooks, told a subscriber",
            Self::NestedLife => "life of a nested registry",
            Self::Restart => "restart",
            Self::Renewal => "renewal of a lease",
        }
    }

    /// The one with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|counted| counted.name() == name)
    }

    /// A short run and a long one.
    #[must_use]
    pub fn sizes(self) -> (Size, Size) {
        let size = |services, ticks| Size { services, ticks };
        match self {
            Self::Tick => (size(100, 50), size(100, 150)),
            Self::Restart => (size(100, 10), size(100, 30)),
            Self::Renewal => (size(100, 20), size(100, 60)),
            _ => (size(500, 0), size(MOST, 0)),
        }
    }

    /// Whether it comes at random how often it happens, so that it is counted.
    #[must_use]
    pub fn is_random(self) -> bool {
        self == Self::Renewal
    }

    /// How often to run it for the least that it takes. An observer's thread is woken more or less often, as the threads happen to
    /// take turns; all others run on one thread, each time alike.
    #[must_use]
    pub fn runs(self) -> usize {
        if self == Self::LifeOnEvent { 5 } else { 1 }
    }

    /// Whether the contender with this name has what it takes.
    #[must_use]
    pub fn can_be_done_by(self, contender: &str) -> bool {
        match self {
            Self::OrderedLife | Self::LifeInAChain => {
                on!(contender, knows_order()).unwrap_or(false)
            }
            Self::Tick | Self::Life | Self::LifeWithHooks | Self::LifeWithADrain => true,
            Self::MemberTurnover | Self::Restart | Self::Renewal => {
                matches!(contender, "lifecycle" | "bare")
            }
            Self::MemberLife
            | Self::LifeOnEvent
            | Self::LifeInEvents
            | Self::LifeSubscribed
            | Self::NestedLife => contender == "lifecycle",
        }
    }

    fn work(self) -> Work {
        match self {
            Self::Tick | Self::Restart | Self::Renewal => Work::new(Kind::Tick, MOST),
            Self::Life => Work::new(Kind::Idle, MOST),
            Self::OrderedLife => Work::new(Kind::Hooks, MOST).in_order(Order::Random),
            Self::LifeInAChain => Work::new(Kind::Hooks, MOST).in_order(Order::Chain),
            Self::LifeWithADrain => Work::new(Kind::Drain, MOST),
            _ => Work::new(Kind::Hooks, MOST),
        }
    }
}

/// Runs it; answers how many of what is counted there were.
///
/// # Errors
///
/// Nobody has this name, or there was no runtime to be had.
pub fn run(counted: Counted, contender: &str, size: Size) -> io::Result<u64> {
    let Size { services, ticks } = size;
    let work = counted.work().first(services);
    let runtime = Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()?;
    runtime
        .block_on(async {
            match (counted, contender) {
                (Counted::MemberLife, _) => lead::<Members>(work, ticks).await,
                (Counted::MemberTurnover, "bare") => turnover::bare(work).await,
                (Counted::MemberTurnover, _) => turnover::ours(work).await,
                (Counted::LifeOnEvent, _) => seen::on_event(work).await,
                (Counted::LifeInEvents, _) => seen::events(work).await,
                (Counted::LifeSubscribed, _) => seen::subscribe(work).await,
                (Counted::NestedLife, _) => nested::ours(work).await,
                (Counted::Restart, "bare") => restarts::bare(work, ticks).await,
                (Counted::Restart, _) => restarts::ours(work, ticks).await,
                (Counted::Renewal, "bare") => renewals::bare(work, ticks).await,
                (Counted::Renewal, _) => renewals::ours(work, ticks).await,
                _ => return on!(contender, lead(work, ticks).await),
            }
            Some(())
        })
        .ok_or(io::ErrorKind::NotFound)?;
    Ok(match work.ticks() {
        0 => size.units(),
        ticked => ticked,
    })
}

async fn lead<C: Contender>(work: Work, ticks: u32) {
    let running = C::start(C::assemble(work)).await;
    if ticks > 0 {
        sleep(PERIOD * ticks + PERIOD / 2).await;
    }
    C::stop(running).await;
}

fn knows_order<C: Contender>() -> bool {
    C::KNOWS_ORDER
}
