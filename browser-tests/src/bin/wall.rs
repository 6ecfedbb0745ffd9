//! An application to look at: `wall PORT SERVICES MODE`, where the mode is what it shows.
//!
//! - `running`: all is well.
//! - `starting`: a third is up, the others wait for a service that takes its time.
//! - `slow`: each service takes its time to start.
//! - `lingering`: some take their time to stop.
//! - `restarting`: one fails again and again.
//! - `draining`: it stops as soon as it is up, and takes its time.
//! - `alarming`: one fails at once each time it is up, a tick never ends, and the store of the leases is away.
//! - `leading`: all is well, and it has the lease of one service.
//! - `standby`: the same, and another replica has the lease of a second one.
//! - `failed`: one has failed for good and is ignored, one is degraded, a schedule fails.

use std::time::Duration;

use lifecycle::testing::InMemoryStore;
use lifecycle::{
    Context, Idle, Leases, OnFailure, Registry, RegistryBuilder, Restart, Result, Scheduled,
    Worker, service,
};
use lifecycle_ops::Ops;
use tokio::time::sleep;

#[service(idle)]
struct Plain {
    startup: Duration,
    drain: Duration,
    degraded: bool,
}

impl Idle for Plain {
    async fn startup(&self, cx: &Context) -> Result {
        sleep(self.startup).await;
        if self.degraded {
            cx.degraded("answers come from the replica: connection to db-1.internal:5432 refused");
        }
        Ok(())
    }

    async fn drain(&self, _: &Context) -> Result {
        sleep(self.drain).await;
        Ok(())
    }
}

#[service(worker)]
struct Feed {
    startup: Duration,
    fails_after: Option<Duration>,
}

impl Worker for Feed {
    async fn startup(&self, _: &Context) -> Result {
        sleep(self.startup).await;
        Ok(())
    }

    async fn run(&self, cx: &Context) -> Result {
        let Some(after) = self.fails_after else {
            cx.stop_channel().closed().await;
            return Ok(());
        };
        tokio::select! {
            () = cx.stop_channel() => Ok(()),
            () = sleep(after) => Err("connection to feed.example.com:443 refused".into()),
        }
    }
}

#[service(scheduled(interval = "every"))]
struct Job {
    every: Duration,
    startup: Duration,
    takes: Duration,
    fails: bool,
}

impl Scheduled for Job {
    async fn startup(&self, _: &Context) -> Result {
        sleep(self.startup).await;
        Ok(())
    }

    async fn tick(&self, _: &Context) -> Result {
        // Not the same each time, so that there is something to see.
        let jitter = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |since| since.subsec_nanos() % 7);
        sleep(self.takes * (jitter + 2) / 5).await;
        if self.fails && jitter < 5 {
            return Err("disk quota of /var/spool exceeded".into());
        }
        Ok(())
    }
}

const NAMES: [&str; 20] = [
    "instrumentation",
    "store",
    "cache",
    "bus",
    "secrets",
    "users",
    "sessions",
    "tokenizer",
    "mailer",
    "search",
    "billing",
    "feed",
    "gc",
    "reporter",
    "audit",
    "webhooks",
    "gateway",
    "admin",
    "api",
    "metrics-push",
];

fn name(index: usize) -> String {
    match index / NAMES.len() {
        0 => NAMES[index % NAMES.len()].to_owned(),
        round => format!("{}-{}", NAMES[index % NAMES.len()], round + 1),
    }
}

/// With services that one replica runs, and a store of leases: `alarming` is one that is away, under `standby` another
/// replica has the second lease.
async fn with_leases(builder: RegistryBuilder, mode: &str) -> Result<RegistryBuilder> {
    let plain = || Plain {
        startup: Duration::ZERO,
        drain: Duration::ZERO,
        degraded: false,
    };
    let store = InMemoryStore::new().namespace("shop");
    let is_second = mode == "standby";
    if is_second {
        let (name, other) = ("shop/invoices", "shop-7d9f8b/1/5be1a60c");
        store.take(name, other, Duration::from_hours(10)).await?;
    }
    store.set_reachable(mode != "alarming");
    let builder = builder.leases(store);
    let builder = builder.service("report", plain()).one_replica();
    Ok(if is_second {
        builder.service("invoices", plain()).one_replica()
    } else {
        builder
    })
}

#[tokio::main]
async fn main() -> lifecycle::Result<lifecycle::Outcome> {
    let mut args = std::env::args().skip(1);
    let port = args.next().unwrap_or_else(|| "9900".to_owned());
    let services: usize = args.next().map_or(Ok(20), |count| count.parse())?;
    let mode = args.next().unwrap_or_else(|| "running".to_owned());
    let mode = mode.as_str();

    let mut builder = Registry::builder()
        .service("ops", Ops::listen(format!("127.0.0.1:{port}")).control())
        .before_all();
    for index in 0..services {
        let startup = match (mode, index) {
            ("starting", 1) => Duration::from_mins(10),
            ("slow", _) => Duration::from_secs(1),
            _ => Duration::from_millis(20 + (index as u64 * 37) % 180),
        };
        let drain = match (mode, index % 5) {
            ("lingering", 0) => Duration::from_millis(700),
            ("draining", 3) => Duration::from_secs(8),
            ("draining", 0) => Duration::from_secs(2),
            _ => Duration::ZERO,
        };
        let name = name(index);
        let entry = match index % 20 {
            11 | 2 if services > 2 || mode == "restarting" => {
                let fails = ["restarting", "failed", "alarming"].contains(&mode)
                    && index < 20
                    && (index == 11 || services < 12);
                // Up for longer than the page takes to show it.
                let up = match mode {
                    "restarting" => 3_000,
                    "alarming" => 10,
                    _ => 400,
                };
                builder.service(
                    name.clone(),
                    Feed {
                        startup,
                        fails_after: fails.then_some(Duration::from_millis(up)),
                    },
                )
            }
            12 | 13 | 19 => builder.service(
                name.clone(),
                Job {
                    every: Duration::from_millis([900, 2_300, 7_000][index % 3]),
                    startup,
                    takes: match mode {
                        "alarming" if index == 12 => Duration::from_hours(10),
                        _ => Duration::from_millis(120),
                    },
                    fails: mode == "failed" && index == 13,
                },
            ),
            _ => builder.service(
                name.clone(),
                Plain {
                    startup,
                    drain,
                    degraded: mode == "failed" && index == 5,
                },
            ),
        };
        // Two of those before it, and the same every time.
        let needs = match index {
            0 => vec![],
            1..5 => vec![self::name(index % 2)],
            _ => vec![self::name(index / 2), self::name(index / 3)],
        };
        let mut needs: Vec<String> = needs.into_iter().filter(|need| *need != name).collect();
        needs.dedup();
        let entry = entry.after(needs);
        builder = match index % 20 {
            11 | 2 if mode == "failed" => entry.on_failure(OnFailure::Ignore),
            11 | 2 if mode == "restarting" => entry
                .on_failure(Restart::new().backoff(Duration::from_secs(2), Duration::from_secs(8))),
            11 | 2 if mode == "alarming" => entry.on_failure(
                Restart::new()
                    .backoff(Duration::from_millis(500), Duration::from_millis(500))
                    .max(u32::MAX),
            ),
            _ => entry,
        };
    }
    if ["alarming", "leading", "standby"].contains(&mode) {
        builder = with_leases(builder, mode).await?;
    }
    let registry = builder.build()?;
    if mode == "draining" {
        let handle = registry.handle();
        tokio::spawn(async move {
            if handle.await_healthy().await.is_ok() {
                sleep(Duration::from_secs(2)).await;
                handle.shutdown();
            }
        });
    }
    Ok(registry.run().await)
}
