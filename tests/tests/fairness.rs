//! A service that is never out of work: what else there is of it still gets its turn.
//!
//! All of a service is one task, and tokio grants a task so many operations in one turn. On the real clock, because the paused
//! one stands still while somebody has work; the bound is for a service that never gets there.

use lifecycle::{Context, Result, Service, Worker, async_trait, registry, service};
use lifecycle_tests::{secs, start};
use tokio::sync::{Mutex, mpsc};
use tokio::task::coop::consume_budget;
use tokio::time::timeout;

/// Always has something to do, and uses up all that one turn grants.
async fn work() {
    loop {
        consume_budget().await;
    }
}

#[service(worker)]
struct Busy;

impl Worker for Busy {
    async fn run(&self, cx: &Context) -> Result {
        cx.spawn(async { Err("disk full".into()) });
        tokio::select! {
            biased;
            () = cx.stop_channel() => Ok(()),
            () = work() => Ok(()),
        }
    }
}

#[tokio::test]
async fn the_failure_of_a_task_is_seen_however_busy_the_service_is() {
    let running = start(registry! { "busy" => Busy });
    let reason = timeout(secs(30), running.wait()).await.unwrap();
    assert_eq!(
        reason.to_string(),
        "service `busy` failed in task: disk full"
    );
    running.stop().await.into_result().unwrap_err();
}

/// Its `start` goes on until a message comes, and does not wait for one.
struct Told {
    tell: mpsc::Sender<()>,
    told: Mutex<mpsc::Receiver<()>>,
}

#[async_trait]
impl Service for Told {
    async fn start(&self, cx: &Context) -> Result {
        cx.ready();
        let mut told = self.told.lock().await;
        while told.try_recv().is_err() {
            consume_budget().await;
        }
        Ok(())
    }

    async fn stop(&self, cx: &Context) -> Result {
        self.tell.send(()).await?;
        cx.exited().await;
        Ok(())
    }
}

#[tokio::test]
async fn a_stop_makes_start_return_however_busy_that_is() {
    let (tell, told) = mpsc::channel(1);
    let told = Mutex::new(told);
    let running = start(registry! { "busy" => Told { tell, told } });
    running.await_healthy().await.unwrap();
    running.stop().await.into_result().unwrap();
}
