//! One process of a schedule that PostgreSQL remembers: `nightly URL NAME [unmarked]`. Each tick writes its point to the table `runs`, and marks it ended in the
//! same transaction; `unmarked` leaves the mark out.

use std::time::Duration;

use lifecycle::{Context, Result, Scheduled, registry, service};
use lifecycle_postgres::{Postgres, once};
use tokio_postgres::NoTls;

#[service(scheduled(interval = "250ms", catch_up = "1h", missed = burst))]
struct Nightly {
    url: String,
    name: String,
    marks: bool,
}

impl Scheduled for Nightly {
    async fn tick(&self, cx: &Context) -> Result {
        let point = cx.tick().and_then(|tick| tick.point).ok_or("no point")?;
        let (mut client, connection) = tokio_postgres::connect(&self.url, NoTls).await?;
        tokio::spawn(connection);
        let mut tx = client.transaction().await?;
        let attempt = i64::from(point.attempt);
        tx.execute(
            "insert into runs (point, attempt, holder) values ($1, $2, $3)",
            &[&point.at, &attempt, &self.name],
        )
        .await?;
        tokio::time::sleep(Duration::from_millis(fastrand::u64(..60))).await;
        if self.marks {
            once(&mut tx, cx).await?;
        }
        tx.commit().await?;
        println!("ran attempt {attempt}");
        // Here the work is done, and the memory does not know it by itself.
        tokio::time::sleep(Duration::from_millis(fastrand::u64(..60))).await;
        Ok(())
    }
}

#[tokio::main]
async fn main() -> lifecycle::Outcome {
    let arguments: Vec<String> = std::env::args().collect();
    registry! {
        memory = Postgres::connect(&arguments[1]).namespace("test"),

        "nightly" => Nightly {
            url: arguments[1].clone(),
            name: arguments[2].clone(),
            marks: arguments.get(3).is_none(),
        },
    }
    .run()
    .await
}
