//! What is counted instruction by instruction: the same services on one thread and on a clock that
//! stands still until everybody sleeps, so that next to nothing is left to chance.

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
    /// The life of a member of a group, with something to do at its start and at its stop.
    MemberLife,
}

/// How many services there are at most. So many are made ready, however few of them are run: what that
/// takes is no part of any figure.
const MOST: usize = 1_500;

/// How much of it.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// How many services there are.
    pub services: usize,
    /// How often each ticks.
    pub ticks: u32,
}

impl Size {
    /// How many of what is counted.
    #[must_use]
    pub fn units(self) -> u64 {
        self.services as u64 * u64::from(self.ticks.max(1))
    }

    /// How many ticks there should be.
    #[must_use]
    pub fn ticks_in_all(self) -> u64 {
        self.services as u64 * u64::from(self.ticks)
    }
}

impl Counted {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Tick,
        Self::Life,
        Self::LifeWithHooks,
        Self::OrderedLife,
        Self::MemberLife,
    ];

    /// What it is called.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Tick => "tick",
            Self::Life => "life",
            Self::LifeWithHooks => "life with hooks",
            Self::OrderedLife => "ordered life",
            Self::MemberLife => "life of a member",
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
            Self::Life | Self::LifeWithHooks | Self::OrderedLife | Self::MemberLife => {
                (size(500, 0), size(MOST, 0))
            }
        }
    }

    /// Whether the contender with this name has what it takes.
    #[must_use]
    pub fn can_be_done_by(self, contender: &str) -> bool {
        match self {
            Self::OrderedLife => on!(contender, knows_order()).unwrap_or(false),
            Self::MemberLife => contender == "lifecycle",
            Self::Tick | Self::Life | Self::LifeWithHooks => true,
        }
    }
}

/// Runs it; answers how many ticks there were.
///
/// # Errors
///
/// Nobody has this name, or there was no runtime to be had.
pub fn run(counted: Counted, contender: &str, services: usize, ticks: u32) -> io::Result<u64> {
    let work = match counted {
        Counted::Tick => Work::new(Kind::Tick, MOST),
        Counted::Life => Work::new(Kind::Idle, MOST),
        Counted::LifeWithHooks | Counted::MemberLife => Work::new(Kind::Hooks, MOST),
        Counted::OrderedLife => Work::new(Kind::Hooks, MOST).in_order(Order::Random),
    };
    let work = work.first(services);
    let runtime = Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()?;
    runtime
        .block_on(async {
            if counted == Counted::MemberLife {
                lead::<Members>(work, ticks).await;
                return Some(());
            }
            on!(contender, lead(work, ticks).await)
        })
        .ok_or(io::ErrorKind::NotFound)?;
    Ok(work.ticks())
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
