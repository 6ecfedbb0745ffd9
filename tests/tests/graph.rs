//! Large registries: nothing recurses, and the order holds. That the steps grow with services and edges only is
//! counted beside the engine, in `lifecycle/src/engine/tests/cost.rs`.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use lifecycle::{
    Context, OnFailure, Outcome, Registry, RegistryBuilder, Result, Service, ServiceStatus, State,
    async_trait,
};
use lifecycle_tests::{secs, start};

/// Recursion overflows the stack at so many, and an algorithm of quadratic cost takes minutes.
const MANY: usize = 50_000;

/// Counts the services that are up, and checks that `below` of them are when it starts and after it has stopped.
struct Counted {
    up: Arc<AtomicUsize>,
    below: usize,
    fails: bool,
}

impl Counted {
    fn new(up: &Arc<AtomicUsize>, below: usize) -> Self {
        let up = up.clone();
        Self {
            up,
            below,
            fails: false,
        }
    }
}

#[async_trait]
impl Service for Counted {
    async fn start(&self, cx: &Context) -> Result {
        if self.fails {
            return Err("no disk".into());
        }
        assert!(self.up.fetch_add(1, Ordering::Relaxed) >= self.below);
        cx.ready();
        cx.stop_channel().closed().await;
        Ok(())
    }

    async fn stop(&self, _: &Context) -> Result {
        if !self.fails {
            assert!(self.up.fetch_sub(1, Ordering::Relaxed) > self.below);
        }
        Ok(())
    }
}

fn chain(links: usize, up: &Arc<AtomicUsize>) -> RegistryBuilder {
    let mut builder = Registry::builder().service("s-0", Counted::new(up, 0));
    for link in 1..links {
        builder = builder
            .service(format!("s-{link}"), Counted::new(up, link))
            .after([format!("s-{}", link - 1)]);
    }
    builder
}

async fn start_and_stop(builder: RegistryBuilder, services: usize, up: &AtomicUsize) {
    let running = start(builder.build().unwrap());
    running.await_healthy().await.unwrap();
    assert_eq!(up.load(Ordering::Relaxed), services);
    running.stop().await.into_result().unwrap();
    assert_eq!(up.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_chain_of_many_services_starts_and_stops_in_order() {
    let up = Arc::default();
    start_and_stop(chain(MANY, &up), MANY, &up).await;
}

#[tokio::test]
async fn a_fan_of_9999_services_starts_and_stops() {
    let up = Arc::default();
    let mut builder = Registry::builder().service("root", Counted::new(&up, 0));
    for leaf in 1..10_000 {
        builder = builder
            .service(format!("leaf-{leaf}"), Counted::new(&up, 1))
            .after(["root"]);
    }
    start_and_stop(builder, 10_000, &up).await;
}

#[tokio::test]
async fn one_service_that_depends_on_9999_starts_last_and_stops_first() {
    let up = Arc::default();
    let names: Vec<String> = (1..10_000).map(|root| format!("root-{root}")).collect();
    let mut builder = Registry::builder();
    for name in &names {
        builder = builder.service(name.clone(), Counted::new(&up, 0));
    }
    let builder = builder
        .service("top", Counted::new(&up, 9_999))
        .after(names);
    start_and_stop(builder, 10_000, &up).await;
}

/// Counts how often its `start` is polled.
struct Polled(Arc<AtomicUsize>);

#[async_trait]
impl Service for Polled {
    async fn start(&self, cx: &Context) -> Result {
        cx.ready();
        let mut stopped = pin!(cx.stop_channel().closed_owned());
        poll_fn(|task| {
            self.0.fetch_add(1, Ordering::Relaxed);
            stopped.as_mut().poll(task)
        })
        .await;
        Ok(())
    }

    async fn stop(&self, _: &Context) -> Result {
        Ok(())
    }
}

/// The polls of a chain of so many services, or of a fan, from the start to the end of the stop.
async fn polls_of(services: usize, is_chain: bool) -> usize {
    let polls = Arc::default();
    let mut builder = Registry::builder();
    for place in 0..services {
        builder = builder.service(format!("s-{place}"), Polled(Arc::clone(&polls)));
        if place > 0 {
            builder = builder.after([format!("s-{}", if is_chain { place - 1 } else { 0 })]);
        }
    }
    let running = start(builder.build().unwrap());
    running.await_healthy().await.unwrap();
    running.stop().await.into_result().unwrap();
    polls.load(Ordering::Relaxed)
}

#[tokio::test]
async fn a_service_is_polled_as_often_as_if_it_were_alone() {
    let alone = polls_of(1, true).await;
    for services in [100, 10_000] {
        for is_chain in [true, false] {
            assert_eq!(polls_of(services, is_chain).await, services * alone);
        }
    }
}

#[tokio::test]
async fn two_full_layers_of_a_hundred_thousand_edges_start_and_stop() {
    let up = Arc::default();
    let layer = |level: usize| (0..317).map(move |place| format!("l{level}-{place}"));
    let mut builder = Registry::builder();
    for name in layer(0) {
        builder = builder.service(name, Counted::new(&up, 0));
    }
    for name in layer(1) {
        builder = builder
            .service(name, Counted::new(&up, 317))
            .after(layer(0));
    }
    start_and_stop(builder, 634, &up).await;
}

async fn fail_at_the_root(policy: OnFailure) -> Outcome {
    let up = Arc::default();
    let root = Counted {
        fails: true,
        ..Counted::new(&up, 0)
    };
    let mut builder = Registry::builder().service("s-0", root).on_failure(policy);
    for link in 1..MANY {
        builder = builder
            .service(format!("s-{link}"), Counted::new(&up, link))
            .after([format!("s-{}", link - 1)])
            .on_failure(policy);
    }
    let running = start(builder.build().unwrap());
    running.wait().await;
    let outcome = running.stop().await;
    assert_eq!(outcome.failures().len(), MANY);
    let failed = |status: &ServiceStatus| status.state == State::Failed;
    assert!(outcome.services().iter().all(failed));
    assert!(outcome.to_string().contains("`s-0`"));
    outcome
}

#[tokio::test]
async fn a_failure_at_the_root_of_a_long_chain_fails_all_of_it() {
    assert_eq!(fail_at_the_root(OnFailure::Shutdown).await.exit_code(), 1);
    assert_eq!(fail_at_the_root(OnFailure::Ignore).await.exit_code(), 0);
}

#[tokio::test]
async fn a_cycle_of_many_services_is_found_without_recursion() {
    let up = Arc::default();
    let builder = chain(MANY, &up)
        .service("last", Counted::new(&up, 0))
        .after([format!("s-{}", MANY - 1)]);
    assert!(builder.build().is_ok());

    let mut builder = Registry::builder();
    for link in 0..MANY {
        builder = builder
            .service(format!("s-{link}"), Counted::new(&up, 0))
            .after([format!("s-{}", (link + 1) % MANY)]);
    }
    assert_eq!(builder.build().unwrap_err().problems().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn many_services_that_hang_are_dropped_at_the_deadline() {
    struct Hung;

    #[async_trait]
    impl Service for Hung {
        async fn start(&self, cx: &Context) -> Result {
            cx.ready();
            std::future::pending().await
        }

        async fn stop(&self, _: &Context) -> Result {
            std::future::pending().await
        }
    }

    let mut builder = Registry::builder().deadline(secs(5));
    for link in 0..10_000 {
        builder = builder.service(format!("s-{link}"), Hung);
        if link > 0 {
            builder = builder.after([format!("s-{}", link - 1)]);
        }
    }
    let began = tokio::time::Instant::now();
    let running = start(builder.build().unwrap());
    running.await_healthy().await.unwrap();
    let outcome = running.stop().await;
    assert_eq!(began.elapsed(), secs(5));
    assert_eq!(outcome.laggards().len(), 20_000, "each run and each drain");
}
