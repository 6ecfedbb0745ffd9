//! Whatever stands above, below and inside, and whatever `cfg` makes of it.
#![deny(warnings, missing_docs)]
#![allow(clippy::non_minimal_cfg)]

use std::time::Duration;

use lifecycle::{Context, Idle, Result, Scheduled, registry, service};

/// Documented above.
#[must_use]
#[derive(Debug, Clone)]
#[service(idle)]
#[derive(Default)]
#[non_exhaustive]
#[doc = "Documented below."]
pub struct Store {
    /// A field.
    #[doc(hidden)]
    pub entries: u32,
    /// A field that is not there.
    #[cfg(any())]
    pub ghost: Nothing,
}

#[cfg_attr(all(), service(idle), derive(Clone, Copy))]
#[cfg_attr(any(), service(worker))]
#[repr(transparent)]
struct Cache(#[allow(dead_code)] u32);

#[cfg(any())]
#[service(idle)]
struct Removed {
    ghost: Nothing,
}

#[rustfmt::skip]
#[service(scheduled(interval = "every"))]
#[deprecated(note = "use `Store`")]
#[allow(dead_code)]
struct Collector {
    #[cfg(all())]
    every: Duration,
    #[cfg(any())]
    every: Nothing,
}

impl Idle for Store {}
impl Idle for Cache {}

#[allow(deprecated)]
impl Scheduled for Collector {
    async fn tick(&self, _: &Context) -> Result {
        Ok(())
    }
}

pub fn main() {
    #[allow(deprecated)]
    let collector = Collector {
        every: Duration::from_secs(30),
    };
    let _ = registry! {
        "store" => Store::default(),
        #[cfg(any())]
        "ghost" => Nothing, after = ["nobody"],
        "cache" => Cache(1), after = ["store"],
        #[cfg(not(any()))]
        "collector" => collector, after = ["cache"],
    };
}
