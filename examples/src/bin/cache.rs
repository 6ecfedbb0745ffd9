//! `cache`: rates in memory, refreshed every two seconds, the first time at once. Others read them through an `Arc`,
//! and never wait: what is there is served, however old.
//!
//! Try: let `fetch` fail for odd rounds. Readers see the old rates, and the log says why they are old.
#![allow(clippy::print_stdout, reason = "it talks to the terminal")]

use std::{
    collections::HashMap,
    sync::{
        Arc, RwLock,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};

use lifecycle::{Context, Outcome, Result, Scheduled, registry, service};
use tokio::time::sleep;

type Rates = HashMap<&'static str, f64>;

#[service(scheduled(interval = "2s", first = immediate))]
#[derive(Default)]
struct Cache {
    rates: RwLock<Arc<Rates>>,
    rounds: AtomicU32,
}

impl Cache {
    fn rate(&self, currency: &str) -> Option<f64> {
        let rates = self.rates.read().ok()?;
        rates.get(currency).copied()
    }

    async fn fetch(&self) -> Result<Rates> {
        // As long as a slow partner takes.
        sleep(Duration::from_millis(200)).await;
        let round = f64::from(self.rounds.fetch_add(1, Relaxed));
        Ok(HashMap::from([
            ("EUR", 1.0),
            ("CHF", 0.93 + round / 1000.0),
        ]))
    }
}

impl Scheduled for Cache {
    async fn tick(&self, _: &Context) -> Result {
        let rates = Arc::new(self.fetch().await?);
        if let Ok(mut shown) = self.rates.write() {
            *shown = rates;
        }
        Ok(())
    }
}

#[service(scheduled(interval = "1s"))]
struct Reader(Arc<Cache>);

impl Scheduled for Reader {
    async fn tick(&self, _: &Context) -> Result {
        println!("CHF {:.3}", self.0.rate("CHF").ok_or("no rate yet")?);
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Outcome {
    let cache = Arc::new(Cache::default());
    registry! {
        "cache" => cache.clone(),
        "reader" => Reader(cache), after = ["cache"],
    }
    .run()
    .await
}

#[cfg(test)]
mod tests {
    use lifecycle::testing::conformance;

    use super::*;

    mod cache {
        use super::*;

        conformance!(Cache::default());
    }

    mod reader {
        use super::*;

        conformance!(Reader(Arc::default()));
    }
}
