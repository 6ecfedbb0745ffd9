//! The memory: by which name, what happens while it does not answer, and where there is none.

use lifecycle::testing::InMemoryStore;
use lifecycle::{
    BoxError, Memory, Outcome, Point, Registry, Remembered, State, async_trait, permanent, registry,
};

use crate::job::{Act, Hourly, OnTheHour, World, settle, start, status, stop};

#[tokio::test(start_paused = true)]
async fn without_a_memory_the_start_fails_and_names_the_service() {
    let world = World::new();
    let running = world.start(registry! { "job" => Hourly(world.notes.clone()) });
    let outcome: Outcome = running.stop_after_failure().await;
    let text = outcome.to_string();
    assert!(
        text.contains("job")
            && text.contains("`catch_up` needs a memory, and the registry has none"),
        "{text}"
    );
}

/// Waits for the failure first.
trait StopAfterFailure {
    async fn stop_after_failure(self) -> Outcome;
}

impl StopAfterFailure for lifecycle::Running {
    async fn stop_after_failure(self) -> Outcome {
        self.wait().await;
        self.stop().await
    }
}

#[tokio::test(start_paused = true)]
async fn the_key_has_the_namespace_and_the_time_of_the_point() {
    let world = World::new();
    world.reach(10).await;
    let memory = world.store.clone().namespace("identity");
    let running = world.start(registry! {
        memory = memory,
        "job" => Hourly(world.notes.clone()),
        "cron" => OnTheHour(world.notes.clone()),
    });
    world.reach(71).await;
    assert_eq!(
        world.notes.keys(),
        [
            "identity/cron/2024-10-04T01:00Z",
            "identity/job/2024-10-04T01:10Z"
        ]
    );
    stop(running).await;
    assert!(world.store.remembered("identity/job").is_some());
}

trait Remembers {
    fn remembered(&self, name: &str) -> Option<Remembered>;
}

impl Remembers for InMemoryStore {
    fn remembered(&self, name: &str) -> Option<Remembered> {
        futures_now(self.last(name)).unwrap()
    }
}

/// The result of a future that is ready.
fn futures_now<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    let mut task = std::task::Context::from_waker(std::task::Waker::noop());
    match future.as_mut().poll(&mut task) {
        std::task::Poll::Ready(value) => value,
        std::task::Poll::Pending => panic!("not ready"),
    }
}

#[tokio::test(start_paused = true)]
async fn while_the_memory_is_unreachable_no_tick_begins_and_the_service_is_degraded() {
    let world = World::new();
    let running = world.hourly();
    world.reach(50).await;
    world.store.set_reachable(false);
    world.reach(130).await;
    assert_eq!(world.notes.ran(), []);
    let degraded = status(&running).degraded.unwrap();
    assert_eq!(
        &*degraded,
        "the memory of the schedule does not answer: the store is unreachable"
    );
    assert!(running.handle().is_healthy());
    world.store.set_reachable(true);
    world.reach(131).await;
    assert_eq!(world.notes.ran().len(), 1);
    assert_eq!(status(&running).degraded, None);
    stop(running).await;
}

#[tokio::test(start_paused = true)]
async fn a_memory_that_is_away_at_the_start_holds_nobody_up() {
    let world = World::new();
    world.store.set_reachable(false);
    let running = world.hourly();
    settle().await;
    assert_eq!(status(&running).state, State::Running);
    world.reach(10).await;
    world.store.set_reachable(true);
    world.reach(80).await;
    assert_eq!(world.notes.ran().len(), 1, "known since it was reached");
    stop(running).await;
}

#[tokio::test(start_paused = true)]
async fn a_stop_does_not_wait_for_a_memory_that_is_away() {
    let world = World::new();
    let running = world.hourly();
    world.reach(50).await;
    world.store.set_answering(false);
    world.reach(70).await;
    let began = tokio::time::Instant::now();
    stop(running).await;
    assert_eq!(began.elapsed(), std::time::Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_answer_is_lost_is_made_again_and_its_tick_runs_once() {
    let world = World::new();
    let running = world.hourly();
    world.reach(59).await;
    // The point is begun, and nobody learns of it.
    world.store.set_answering(false);
    world.reach(60).await;
    assert_eq!(world.notes.ran(), []);
    world.store.set_answering(true);
    world.reach(61).await;
    assert_eq!(world.notes.ran(), [(60, 2, 0)]);
    world.reach(119).await;
    assert_eq!(world.notes.ran().len(), 1);
    stop(running).await;
}

#[tokio::test(start_paused = true)]
async fn an_end_that_is_not_answered_is_told_again() {
    let world = World::new();
    let running = world.hourly();
    world.notes.act(Act::Succeed);
    world.reach(59).await;
    let store = world.store.clone();
    let name = "job";
    world.reach(60).await;
    assert!(store.remembered(name).unwrap().ended);
    stop(running).await;
}

/// A memory that this replica may not use.
struct Forbidden;

#[async_trait]
impl Memory for Forbidden {
    async fn last(&self, _: &str) -> Result<Option<Remembered>, BoxError> {
        Err(permanent("no privileges").into())
    }

    async fn begin(&self, _: &str, _: &Point) -> Result<bool, BoxError> {
        Err(permanent("no privileges").into())
    }

    async fn end(&self, _: &str, _: &Point) -> Result<bool, BoxError> {
        Err(permanent("no privileges").into())
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_that_no_retry_mends_fails_the_service() {
    let world = World::new();
    let running = world.start(registry! {
        memory = Forbidden,
        "job" => Hourly(world.notes.clone()), on_failure = restart,
    });
    let outcome = running.stop_after_failure().await;
    assert!(outcome.to_string().contains("no privileges"), "{outcome}");
}

#[tokio::test(start_paused = true)]
async fn a_registry_that_is_a_service_has_the_memory_around_it_or_its_own() {
    let world = World::new();
    let own = InMemoryStore::new();
    let inner = registry! { "job" => Hourly(world.notes.clone()) };
    let other = registry! { memory = own.clone(), "job" => Hourly(world.notes.clone()) };
    let memory = world.store.clone();
    let running = world.start(registry! { memory = memory, "a" => inner, "b" => other });
    world.reach(61).await;
    assert_eq!(world.notes.ran().len(), 2);
    stop(running).await;
    let since = |store: &InMemoryStore, name| store.remembered(name).map(|last| last.point.at);
    let at = Some(start() + crate::job::HOUR);
    assert_eq!(since(&world.store, "a/job"), at);
    assert_eq!(
        (since(&own, "b/job"), since(&world.store, "b/job")),
        (at, None)
    );
}

#[tokio::test(start_paused = true)]
async fn the_builder_and_the_registry_take_a_memory_too() {
    let world = World::new();
    let built = Registry::builder()
        .memory(world.store.clone())
        .service("built", Hourly(world.notes.clone()))
        .build()
        .unwrap();
    let method = registry! { "method" => Hourly(world.notes.clone()) }.memory(world.store.clone());
    let (built, method) = (world.start(built), world.start(method));
    world.reach(61).await;
    assert_eq!(world.notes.ran().len(), 2);
    stop(built).await;
    stop(method).await;
}
