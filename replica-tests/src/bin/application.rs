//! One replica of an application by its registry: `application URL NAME`. It writes to the table `writes` all the time, and to `runs` once
//! for each second.
//!
//! | variable | what | default |
//! |---|---|---|
//! | `TERM_MS` | the term of its leases | 2000 |
//! | `UNFENCED` | it does not fence what it writes | |
//! | `POOL` | how many connections its jobs share | 4 |
//! | `HOG_MS` | once it leads, something else keeps all of these for so long | |

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use deadpool_postgres::{Manager, Pool, Runtime, Transaction};
use lifecycle::{Context, Outcome, Result, Scheduled, Tick, registry, service};
use lifecycle_ops::Ops;
use lifecycle_postgres::{Postgres, fence, once};
use tokio::time::sleep;
use tokio_postgres::NoTls;

/// What both jobs have.
#[derive(Clone)]
struct Jobs {
    name: String,
    term: Duration,
    is_fenced: bool,
    pool: Pool,
    /// How long something else keeps all connections.
    hog: Duration,
}

impl Jobs {
    fn from_environment(url: &str, name: &str) -> Result<Self> {
        let set = |name: &str, default| {
            std::env::var(name).map_or(Ok(default), |value| value.parse::<u64>())
        };
        let term = Duration::from_millis(set("TERM_MS", 2_000)?);
        let pool = Pool::builder(Manager::new(url.parse()?, NoTls))
            .runtime(Runtime::Tokio1)
            .max_size(set("POOL", 4)?.try_into()?)
            .wait_timeout(Some(term / 2))
            .create_timeout(Some(term / 2))
            .build()?;
        Ok(Self {
            name: name.to_owned(),
            term,
            is_fenced: std::env::var_os("UNFENCED").is_none(),
            pool,
            hog: Duration::from_millis(set("HOG_MS", 0)?),
        })
    }

    async fn fence(&self, tx: &mut Transaction<'_>, cx: &Context) -> Result {
        if self.is_fenced {
            fence(tx, cx).await?;
        }
        // The time between a look and a write, in which a process may be stopped.
        sleep(Duration::from_millis(fastrand::u64(..20))).await;
        Ok(())
    }
}

fn token(cx: &Context) -> Result<i64> {
    Ok(cx.lease().ok_or("no lease")?.token().try_into()?)
}

#[service(scheduled(interval = "50ms", tick_timeout = self.0.term * 2))]
struct Leader(Jobs);

impl Scheduled for Leader {
    async fn startup(&self, cx: &Context) -> Result {
        println!("leads {}", token(cx)?);
        if !self.0.hog.is_zero() {
            let (pool, hog) = (self.0.pool.clone(), self.0.hog);
            tokio::spawn(async move {
                let mut kept = Vec::new();
                while kept.len() < pool.status().max_size {
                    kept.extend(pool.get().await);
                }
                println!("hogs");
                sleep(hog).await;
                println!("hogs no more");
            });
        }
        Ok(())
    }

    /// As code does that blocks its thread, the write goes on where its tick is dropped.
    async fn tick(&self, cx: &Context) -> Result {
        tokio::spawn(write(self.0.clone(), cx.clone())).await?
    }

    async fn drain(&self, cx: &Context) -> Result {
        println!("drained {}", token(cx)?);
        Ok(())
    }
}

async fn write(jobs: Jobs, cx: Context) -> Result {
    let token = token(&cx)?;
    let mut client = jobs.pool.get().await?;
    let mut tx = client.transaction().await?;
    jobs.fence(&mut tx, &cx).await?;
    tx.execute(
        "insert into writes (token, holder) values ($1, $2)",
        &[&token, &jobs.name],
    )
    .await?;
    tx.commit().await?;
    Ok(())
}

#[service(scheduled(cron = "* * * * * *", catch_up = "1h", tick_timeout = self.0.term * 2))]
struct Report(Jobs);

impl Report {
    async fn run(&self, cx: &Context, tick: &Tick) -> Result {
        let point = tick.point.ok_or("no point")?;
        let mut client = self.0.pool.get().await?;
        let mut tx = client.transaction().await?;
        self.0.fence(&mut tx, cx).await?;
        let (attempt, missed) = (i64::from(point.attempt), i64::try_from(tick.missed)?);
        tx.execute(
            "insert into runs (point, attempt, missed, token, holder) values ($1, $2, $3, $4, $5)",
            &[&point.at, &attempt, &missed, &token(cx)?, &self.0.name],
        )
        .await?;
        once(&mut tx, cx).await?;
        tx.commit().await?;
        Ok(())
    }
}

impl Scheduled for Report {
    async fn tick(&self, cx: &Context) -> Result {
        let tick = cx.tick().ok_or("no tick")?;
        let point = tick.due_time.map_or(0, seconds);
        // A further attempt does not know what this one stands for, so it is told before anything befalls it.
        if tick.missed > 0 {
            println!("missed {} {}", point - tick.missed, point - 1);
        }
        // A tick that is dropped, as one is that takes too long, says so too.
        let told = Told(point);
        let ran = self.run(cx, &tick).await;
        std::mem::forget(told);
        match &ran {
            Ok(()) => println!("ran {point}"),
            Err(error) => println!("failed {point}: {error}"),
        }
        ran
    }
}

/// Tells that the tick for this point was dropped.
struct Told(u64);

impl Drop for Told {
    fn drop(&mut self) {
        println!("failed {}: dropped", self.0);
    }
}

fn seconds(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

#[tokio::main]
async fn main() -> Result<Outcome> {
    tracing_subscriber::fmt().with_ansi(false).init();
    let arguments: Vec<String> = std::env::args().collect();
    let jobs = Jobs::from_environment(&arguments[1], &arguments[2])?;
    println!("up");
    Ok(registry! {
        leases = Postgres::connect(&arguments[1]).namespace("test"),
        lease_term = jobs.term,

        "ops" => Ops::listen("127.0.0.1:0"), before = all,
        "leader" => Leader(jobs.clone()), replicas = one,
        "report" => Report(jobs), replicas = one,
    }
    .run()
    .await)
}
