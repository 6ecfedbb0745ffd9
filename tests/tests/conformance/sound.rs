//! Services of each shape, and written by hand, that do what they owe.

use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use lifecycle::testing::{Case, conformance};
use lifecycle::{
    Context, Idle, Intake, Oneshot, Queue, Result, Scheduled, Server, Service, Worker, anew,
    async_trait, registry, service,
};
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::oneshot;
use tokio::time::sleep;

const SECOND: Duration = Duration::from_secs(1);

#[service(idle)]
struct Store;

impl Idle for Store {
    async fn startup(&self, _: &Context) -> Result {
        sleep(SECOND).await;
        Ok(())
    }

    async fn drain(&self, _: &Context) -> Result {
        sleep(SECOND).await;
        Ok(())
    }
}

mod an_idle_one {
    use super::*;

    lifecycle::testing::conformance!(Store);
}

mod a_shared_one {
    use super::*;

    lifecycle::testing::conformance!(Arc::new(Store));
}

mod a_boxed_one {
    use super::*;

    lifecycle::testing::conformance!(Box::new(Store) as Box<dyn Service>);
}

mod one_that_is_built_for_each_run {
    use super::*;

    lifecycle::testing::conformance!(anew(async || Ok(Store)));
}

mod one_that_is_left_out {
    use super::*;

    lifecycle::testing::conformance!(None::<Store>);
}

#[service(scheduled(interval = "30s"))]
struct Collector;

impl Scheduled for Collector {
    async fn tick(&self, _: &Context) -> Result {
        sleep(SECOND).await;
        Err("nothing there".into())
    }
}

mod a_schedule {
    use super::*;

    lifecycle::testing::conformance!(Collector, stop_timeout = 5 * SECOND);
}

#[service(queue(size = 2, interval = "1s"))]
struct Auditor {
    events: Intake<u32>,
}

impl Auditor {
    /// With something to flush.
    async fn with_events() -> Self {
        let events = Intake::bounded(8);
        for event in 0..5 {
            let _ = events.send(event).await;
        }
        Self { events }
    }
}

impl Queue for Auditor {
    type Item = u32;

    fn intake(&self) -> &Intake<u32> {
        &self.events
    }

    async fn flush(&self, _: &[u32], _: &Context) -> Result {
        sleep(SECOND).await;
        Ok(())
    }
}

mod a_queue {
    use super::*;

    lifecycle::testing::conformance!(Auditor::with_events().await);
}

#[service(worker)]
struct Feed;

impl Worker for Feed {
    async fn run(&self, cx: &Context) -> Result {
        let stop = cx.stop_channel();
        cx.spawn({
            let stop = stop.clone();
            async move {
                stop.await;
                Ok(())
            }
        });
        while stop.run_until_closed(sleep(10 * SECOND)).await.is_some() {}
        Ok(())
    }
}

mod a_worker {
    use super::*;

    lifecycle::testing::conformance!(Feed);
}

/// On a socket of the system's.
#[service(server)]
struct Web;

impl Server for Web {
    type Bound = TcpListener;

    async fn bind(&self, _: &Context) -> Result<TcpListener> {
        Ok(TcpListener::bind("127.0.0.1:0").await?)
    }

    async fn serve(&self, listener: TcpListener, cx: &Context) -> Result {
        let stop = cx.stop_channel();
        while let Some(accepted) = stop.run_until_closed(listener.accept()).await {
            drop(accepted?);
        }
        Ok(())
    }
}

mod a_server {
    use super::*;

    lifecycle::testing::conformance!(Web);
}

#[service(oneshot)]
struct Migration;

impl Oneshot for Migration {
    async fn run(&self, _: &Context) -> Result {
        sleep(SECOND).await;
        Ok(())
    }
}

mod a_oneshot {
    use super::*;

    lifecycle::testing::conformance!(Migration);
}

#[service(oneshot(background))]
struct Warmup;

impl Oneshot for Warmup {
    async fn run(&self, _: &Context) -> Result {
        sleep(3600 * SECOND).await;
        Ok(())
    }
}

mod one_in_the_background {
    use super::*;

    lifecycle::testing::conformance!(Warmup);
}

struct Listener;

#[async_trait]
impl Service for Listener {
    async fn start(&self, cx: &Context) -> Result {
        let socket = UdpSocket::bind("127.0.0.1:0").await?;
        cx.ready();
        let mut buffer = [0; 1500];
        loop {
            tokio::select! {
                () = cx.stop_channel() => return Ok(()),
                packet = socket.recv(&mut buffer) => drop(packet?),
            }
        }
    }

    async fn stop(&self, cx: &Context) -> Result {
        cx.exited().await;
        Ok(())
    }
}

mod one_written_by_hand {
    use super::*;

    lifecycle::testing::conformance!(Listener);
}

mod a_registry {
    use super::*;

    lifecycle::testing::conformance!(registry! {
        "store" => Store,
        "feed" => Feed, after = ["store"],
    });
}

/// What it waits for is done by a thread of its own, and has a limit on the paused clock that is long enough.
#[service(idle)]
struct Hasher(mpsc::Sender<oneshot::Sender<()>>);

impl Hasher {
    fn new() -> Self {
        let (ask, asked) = mpsc::channel::<oneshot::Sender<()>>();
        thread::spawn(move || {
            while let Ok(answer) = asked.recv() {
                thread::sleep(Duration::from_millis(3));
                let _ = answer.send(());
            }
        });
        Self(ask)
    }

    async fn hash(&self) -> Result {
        let (answer, answered) = oneshot::channel();
        self.0.send(answer)?;
        Ok(answered.await?)
    }
}

impl Idle for Hasher {
    async fn startup(&self, _: &Context) -> Result {
        self.hash().await
    }

    async fn drain(&self, _: &Context) -> Result {
        self.hash().await
    }
}

mod one_with_a_thread_of_its_own {
    use super::*;

    lifecycle::testing::conformance!(Hasher::new());
}

#[test]
fn one_value_goes_through_all_its_lives() {
    conformance(Web).unwrap();
    conformance(Collector).unwrap();
    conformance(Arc::new(Store) as Arc<dyn Service>).unwrap();
}

#[test]
fn each_case_has_the_name_of_its_test() {
    let names = Case::ALL.map(|case| case.to_string());
    assert_eq!(
        names,
        [
            "runs_until_stopped",
            "stops_during_startup",
            "stops_at_work",
            "stops_during_drain",
            "drains_once",
            "leaves_no_task",
            "runs_again",
            "survives_failures",
        ]
    );
}
