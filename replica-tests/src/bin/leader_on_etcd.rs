//! One replica of an application: `leader_on_etcd ENDPOINTS NAME TERM_MS fenced|unfenced`. The one that leads writes its token to the key
//! `job/writer` and to one of its own, again and again. With `HOLDS` in its environment it waits a second before each write, as code does that blocks its thread.

use std::time::{Duration, SystemTime};

use lifecycle::{Context, Handle, Registry, Result, Scheduled, service};
use lifecycle_etcd::Etcd;
use tokio::time::sleep;

#[service(scheduled(interval = "20ms"))]
struct Leader {
    etcd: Etcd,
    name: String,
    fenced: bool,
}

impl Scheduled for Leader {
    async fn startup(&self, cx: &Context) -> Result {
        println!("leads {}", cx.lease().ok_or("no lease")?.token());
        Ok(())
    }

    async fn tick(&self, cx: &Context) -> Result {
        let token = cx.lease().ok_or("no lease")?.token();
        let write = self.etcd.write();
        let write = if self.fenced { write.fence(cx)? } else { write };
        let (number, name) = (cx.tick().map_or(0, |tick| tick.number), &self.name);
        let write = write
            .put("job/writer", format!("{token} {name}"))
            .put(format!("writes/{token}/{number}"), token.to_string());
        if std::env::var_os("HOLDS").is_some() {
            println!("holds");
            std::thread::sleep(Duration::from_secs(1));
        }
        // In a task of its own, which a lost lease does not drop.
        let write = tokio::spawn(async move {
            match write.commit().await {
                Ok(_) => println!("wrote {token}"),
                Err(error) => println!("wrote nothing: {error:?}"),
            }
        });
        Ok(write.await?)
    }

    async fn drain(&self, _: &Context) -> Result {
        println!("drained");
        Ok(())
    }
}

/// Prints who leads instead, whenever it is another one.
async fn tell_who_leads(handle: Handle) {
    let mut told = None;
    loop {
        let lease = handle.status("leader").and_then(|status| status.lease);
        let leader = lease.and_then(|lease| lease.leader);
        if let Some(leader) = leader.filter(|leader| told != Some(leader.token)) {
            println!("led by {}", leader.token);
            told = Some(leader.token);
        }
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::main]
async fn main() -> lifecycle::Result<lifecycle::Outcome> {
    let arguments: Vec<String> = std::env::args().collect();
    let etcd = Etcd::connect(&arguments[1]).namespace("test");
    let leader = Leader {
        etcd: etcd.clone(),
        name: arguments[2].clone(),
        fenced: arguments[4] == "fenced",
    };
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    println!("up at {}", now.as_secs());
    let registry = Registry::builder()
        .leases(etcd)
        .lease_term(Duration::from_millis(arguments[3].parse()?))
        .service("leader", leader)
        .one_replica()
        .build()?;
    tokio::spawn(tell_who_leads(registry.handle()));
    Ok(registry.run().await)
}
