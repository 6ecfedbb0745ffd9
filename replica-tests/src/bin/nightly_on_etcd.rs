//! One process of a schedule that etcd remembers: `nightly_on_etcd ENDPOINTS [unmarked]`. Each tick writes a key for its point and attempt, and marks the
//! point ended in the same transaction; `unmarked` leaves the mark out.

use std::time::{Duration, UNIX_EPOCH};

use lifecycle::{Context, Result, Scheduled, registry, service};
use lifecycle_etcd::Etcd;

#[service(scheduled(interval = "250ms", catch_up = "1h", missed = burst))]
struct Nightly {
    etcd: Etcd,
    marks: bool,
}

impl Scheduled for Nightly {
    async fn tick(&self, cx: &Context) -> Result {
        let point = cx.tick().and_then(|tick| tick.point).ok_or("no point")?;
        let millis = point.at.duration_since(UNIX_EPOCH)?.as_millis();
        let write = self.etcd.write();
        let write = write.put(format!("runs/{millis}/{}", point.attempt), "");
        let write = if self.marks { write.once(cx)? } else { write };
        tokio::time::sleep(Duration::from_millis(fastrand::u64(..60))).await;
        write.commit().await?;
        println!("ran attempt {}", point.attempt);
        // Here the work is done, and the memory does not know it by itself.
        tokio::time::sleep(Duration::from_millis(fastrand::u64(..60))).await;
        Ok(())
    }
}

#[tokio::main]
async fn main() -> lifecycle::Outcome {
    let arguments: Vec<String> = std::env::args().collect();
    let etcd = Etcd::connect(&arguments[1]).namespace("test");
    registry! {
        memory = etcd.clone(),

        "nightly" => Nightly { etcd, marks: arguments.get(2).is_none() },
    }
    .run()
    .await
}
