//! Services of each shape are restarted, with and without code, bare and decorated.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use lifecycle::{
    Context, Idle, Intake, Queue, Registry, Result, Scheduled, Server, Service, Shape, State,
    Worker, async_trait, service,
};
use lifecycle_tests::{Alive, Moves, Plain, secs};
use tokio::time::sleep;

use crate::runs::{policy, started, status};

/// Counts what is called of a service.
#[derive(Clone, Default)]
struct Calls(Arc<[AtomicUsize; 3]>);

impl Calls {
    #[expect(clippy::unnecessary_wraps, reason = "the last line of most hooks")]
    fn add(&self, index: usize) -> Result {
        self.0[index].fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    /// Startups, drains.
    fn counts(&self) -> (usize, usize) {
        (
            self.0[0].load(Ordering::SeqCst),
            self.0[1].load(Ordering::SeqCst),
        )
    }
}

#[service(idle)]
struct IdleOne(Calls);
impl Idle for IdleOne {
    async fn startup(&self, _: &Context) -> Result {
        self.0.add(0)
    }
    async fn drain(&self, _: &Context) -> Result {
        self.0.add(1)
    }
}

#[service(scheduled(interval = "1s"))]
struct ScheduledOne(Calls);
impl Scheduled for ScheduledOne {
    async fn startup(&self, _: &Context) -> Result {
        self.0.add(0)
    }
    async fn tick(&self, _: &Context) -> Result {
        self.0.add(2)
    }
    async fn drain(&self, _: &Context) -> Result {
        self.0.add(1)
    }
}

#[service(worker)]
struct WorkerOne(Calls);
impl Worker for WorkerOne {
    async fn startup(&self, _: &Context) -> Result {
        self.0.add(0)
    }
    async fn run(&self, cx: &Context) -> Result {
        cx.stop_channel().closed().await;
        Ok(())
    }
    async fn drain(&self, _: &Context) -> Result {
        self.0.add(1)
    }
}

#[service(server)]
struct ServerOne(Calls);
impl Server for ServerOne {
    type Bound = ();
    async fn bind(&self, _: &Context) -> Result {
        self.0.add(0)
    }
    async fn serve(&self, (): (), cx: &Context) -> Result {
        cx.stop_channel().closed().await;
        Ok(())
    }
    async fn drain(&self, _: &Context) -> Result {
        self.0.add(1)
    }
}

struct CustomOne(Calls);
#[async_trait]
impl Service for CustomOne {
    async fn start(&self, cx: &Context) -> Result {
        self.0.add(0)?;
        cx.ready();
        cx.stop_channel().closed().await;
        Ok(())
    }
    async fn stop(&self, cx: &Context) -> Result {
        cx.exited().await;
        self.0.add(1)
    }
}

trait Tokenizer: Service {}
impl Tokenizer for WorkerOne {}

/// Restarts it by hand five times; how often it was started up and drained.
async fn restarted(service: impl Service, shape: Shape, calls: &Calls) -> (usize, usize) {
    let running = started(Registry::builder().service("one", service)).await;
    let handle = running.handle();
    let moves = Moves::watch(&handle);
    for _ in 0..5 {
        handle.restart("one").await.unwrap();
        assert_eq!(status(&handle, "one").shape, shape);
    }
    running.stop().await.into_result().unwrap();
    let states = moves.of("one").await;
    let round = [
        State::Stopping,
        State::Backoff,
        State::Starting,
        State::Running,
    ];
    let mut wanted = round.repeat(5);
    wanted.extend([State::Stopping, State::Stopped]);
    assert_eq!(states, wanted);
    calls.counts()
}

macro_rules! shapes {
    ($($test:ident: $one:ident, $shape:ident;)+) => {$(
        #[tokio::test(start_paused = true)]
        async fn $test() {
            let calls = Calls::default();
            let make = || $one(calls.clone());
            assert_eq!(restarted(make(), Shape::$shape, &calls).await, (6, 6));
            assert_eq!(restarted(Arc::new(make()), Shape::$shape, &calls).await, (12, 12));
            assert_eq!(restarted(Plain(make()), Shape::$shape, &calls).await, (18, 18));
            let boxed: Arc<dyn Service> = Arc::new(Plain(Arc::new(make())));
            assert_eq!(restarted(boxed, Shape::$shape, &calls).await, (24, 24));
        }
    )+};
}

shapes! {
    an_idle_service_is_started_up_and_drained_in_each_run: IdleOne, Idle;
    a_schedule_is_started_up_and_drained_in_each_run: ScheduledOne, Scheduled;
    a_worker_is_started_up_and_drained_in_each_run: WorkerOne, Worker;
    a_server_is_bound_and_drained_in_each_run: ServerOne, Server;
    a_hand_written_service_is_started_and_stopped_in_each_run: CustomOne, Custom;
}

#[tokio::test(start_paused = true)]
async fn a_trait_object_is_restarted_like_what_it_is() {
    let calls = Calls::default();
    let shared: Arc<dyn Tokenizer> = Arc::new(WorkerOne(calls.clone()));
    assert_eq!(restarted(shared, Shape::Worker, &calls).await, (6, 6));
}

#[service(idle)]
struct Nothing;
impl Idle for Nothing {}

#[service(idle)]
struct OnlyDrops(#[allow(dead_code)] Alive);
impl Idle for OnlyDrops {}

#[service(idle)]
struct OnlyDrains(Calls);
impl Idle for OnlyDrains {
    async fn drain(&self, _: &Context) -> Result {
        self.0.add(1)
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_without_a_task_is_restarted_too() {
    let calls = Calls::default();
    restarted(Nothing, Shape::Idle, &calls).await;
    let alive = Arc::new(AtomicUsize::new(0));
    restarted(OnlyDrops(Alive::new(&alive)), Shape::Idle, &calls).await;
    assert_eq!(alive.load(Ordering::SeqCst), 0, "dropped at the end");
    assert_eq!(
        restarted(OnlyDrains(calls.clone()), Shape::Idle, &calls).await,
        (0, 6)
    );
}

#[service(queue(size = 10, interval = "1s"))]
struct QueueOne(Intake<u8>, Calls);
impl Queue for QueueOne {
    type Item = u8;
    fn intake(&self) -> &Intake<u8> {
        &self.0
    }
    async fn startup(&self, _: &Context) -> Result {
        self.1.add(0)
    }
    async fn flush(&self, batch: &[u8], _: &Context) -> Result {
        batch.iter().try_for_each(|_| self.1.add(2))
    }
}

#[tokio::test(start_paused = true)]
async fn a_queue_is_restarted_bare_and_decorated() {
    let calls = Calls::default();
    for decorated in [false, true] {
        let intake = Intake::bounded(10);
        let queue = QueueOne(intake.clone(), calls.clone());
        intake.send(1).await.unwrap();
        if decorated {
            restarted(Plain(queue), Shape::Queue, &calls).await;
        } else {
            restarted(queue, Shape::Queue, &calls).await;
        }
        assert!(intake.is_closed());
    }
    assert_eq!(calls.counts().0, 12);
    assert_eq!(calls.0[2].load(Ordering::SeqCst), 2, "each item once");
}

#[tokio::test(start_paused = true)]
async fn a_schedule_begins_anew_and_can_be_asked_between_two_runs() {
    let calls = Calls::default();
    let registry = Registry::builder()
        .service("one", Plain(ScheduledOne(calls.clone())))
        .on_failure(policy());
    let running = started(registry).await;
    sleep(secs(3)).await;
    running.handle().restart("one").await.unwrap();
    running.handle().trigger("one").await.unwrap();
    sleep(secs(3)).await;
    running.stop().await.into_result().unwrap();
    assert!(calls.0[2].load(Ordering::SeqCst) >= 6);
}
