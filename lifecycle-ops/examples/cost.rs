//! What an answer costs in an application of a thousand services, a tenth of them schedules: time on one thread, without the
//! network. `cargo run --release -p lifecycle-ops --example cost`.

#![allow(clippy::print_stdout, reason = "it talks to the terminal")]

use std::time::{Duration, Instant};

use http::Request;
use lifecycle::{Context, Idle, Registry, Result, Scheduled, service};
use lifecycle_ops::Ops;
use tower_service::Service;

#[service(idle)]
struct Plain;

impl Idle for Plain {}

#[service(scheduled(interval = "1m"))]
struct Job;

impl Scheduled for Job {
    async fn tick(&self, _: &Context) -> Result {
        Ok(())
    }
}

fn registry() -> Result<Registry> {
    let mut builder = Registry::builder();
    for index in 0..1_000 {
        let name = format!("service-{index}");
        let entry = match index % 10 {
            9 => builder.service(name, Job),
            _ => builder.service(name, Plain),
        };
        let needs = (index >= 10).then(|| format!("service-{}", index / 10));
        builder = entry.after(needs);
    }
    Ok(builder.build()?.signals(false))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result {
    let registry = registry()?;
    let mut ops = Ops::service(registry.handle());
    let running = registry.start();
    running.await_healthy().await?;
    for path in ["/readyz", "/readyz?verbose", "/metrics", "/services", "/"] {
        let mut times = Vec::new();
        for _ in 0..200 {
            let request = Request::get(path).header("host", "localhost").body(())?;
            let from = Instant::now();
            let answer = ops.call(request).await?;
            times.push(from.elapsed());
            drop(answer);
        }
        times.sort_unstable();
        let median: Duration = times[times.len() / 2];
        println!("{path:20} {median:>10.1?}");
    }
    running.stop().await.into_result()?;
    Ok(())
}
