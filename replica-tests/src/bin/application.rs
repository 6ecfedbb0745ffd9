//! One replica of an application: `leader URL NAME`. The one that leads writes in fenced transactions.

use std::time::Duration;

use lifecycle::{Context, Result, Scheduled, registry, service};
use lifecycle_postgres::{Postgres, fence};
use tokio_postgres::NoTls;

#[service(scheduled(interval = "50ms"))]
struct Leader {
    url: String,
    name: String,
}

impl Scheduled for Leader {
    async fn startup(&self, cx: &Context) -> Result {
        let lease = cx.lease().ok_or("no lease")?;
        println!("leads {}", lease.token());
        Ok(())
    }

    async fn tick(&self, cx: &Context) -> Result {
        let (mut client, connection) = tokio_postgres::connect(&self.url, NoTls).await?;
        tokio::spawn(connection);
        let mut tx = client.transaction().await?;
        fence(&mut tx, cx).await?;
        tokio::time::sleep(Duration::from_millis(fastrand::u64(..20))).await;
        let token = i64::try_from(cx.lease().ok_or("no lease")?.token())?;
        tx.execute(
            "insert into writes (token, holder) values ($1, $2)",
            &[&token, &self.name],
        )
        .await?;
        tx.commit().await?;
        Ok(())
    }

    async fn drain(&self, _: &Context) -> Result {
        println!("drained");
        Ok(())
    }
}

#[tokio::main]
async fn main() -> lifecycle::Outcome {
    let arguments: Vec<String> = std::env::args().collect();
    println!("up");
    registry! {
        leases = Postgres::connect(&arguments[1]).namespace("test"),
        lease_term = "2s",

        "leader" => Leader { url: arguments[1].clone(), name: arguments[2].clone() }, replicas = one,
    }
    .run()
    .await
}
