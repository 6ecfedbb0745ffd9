//! A part of the services: `only`, rule 5.
//!
//! The kind of fault this is about: a program that is to run a part of itself had a second list of its services, or flags
//! around each, and one that was needed was left out. To it belong what is needed directly, through others and by all,
//! what is only wanted, queues that are left out, names that are wrong, and what the target itself has disabled.

use lifecycle::{
    Intake, Queue, Reason, Registry, RegistryBuilder, Result, State, registry, service,
};
use lifecycle_tests::{
    Alive, IdleScript, Journal, ScheduledScript, secs, start, state_of, states, takes,
};

fn parts(journal: &Journal) -> Registry {
    let part = || journal.script().idle();
    registry! {
        "sdk" => part(), before = all,
        "disk" => part(),
        "store" => part(), after = ["disk"],
        "cache" => part(), after = ["disk"],
        "tokens" => part(), after = ["store"], wants = ["cache"],
        "api" => part(), after = ["tokens"],
        "jobs" => part(), after = ["store"],
    }
}

/// Which of them are up.
async fn up(target: &[&'static str]) -> Vec<String> {
    let journal = Journal::new();
    let running = start(parts(&journal).only(target.iter().copied()));
    running.await_healthy().await.unwrap();
    let handle = running.handle();
    assert!(handle.is_healthy());
    let mut up = Vec::new();
    for status in handle.states() {
        match status.state {
            State::Running => up.push(status.name.to_string()),
            State::Disabled => assert_eq!(journal.of(&status.name), [""; 0]),
            other => panic!("{} is {other}", status.name),
        }
    }
    assert_eq!(running.stop().await.exit_code(), 0);
    up
}

#[tokio::test(start_paused = true)]
async fn a_target_is_what_it_names_and_all_that_needs() {
    assert_eq!(up(&["disk"]).await, ["sdk", "disk"]);
    assert_eq!(up(&["jobs"]).await, ["sdk", "disk", "store", "jobs"]);
    assert_eq!(
        up(&["api"]).await,
        ["sdk", "disk", "store", "tokens", "api"],
        "`cache` is only wanted"
    );
    assert_eq!(
        up(&["cache", "jobs", "jobs"]).await,
        ["sdk", "disk", "store", "cache", "jobs"]
    );
    assert_eq!(up(&["sdk"]).await, ["sdk"]);
    assert_eq!(up(&["api", "jobs", "cache"]).await.len(), 7);
}

#[tokio::test(start_paused = true)]
async fn the_last_call_counts() {
    let journal = Journal::new();
    let running = start(
        parts(&journal)
            .only(["api", "lost"])
            .only(["disk".to_owned()]),
    );
    running.await_healthy().await.unwrap();
    assert_eq!(state_of(&running.handle(), "api"), State::Disabled);
}

#[tokio::test(start_paused = true)]
async fn before_the_start_all_are_new() {
    let journal = Journal::new();
    let registry = parts(&journal).only(["disk"]);
    let states = registry.handle().states();
    assert!(states.iter().all(|status| status.state == State::New));
}

/// A value in what was left out holds a connection, a file, a lock.
#[tokio::test(start_paused = true)]
async fn what_is_left_out_is_dropped_at_the_start() {
    let count = std::sync::Arc::default();
    let alive = Alive::new(&count);
    let journal = Journal::new();
    let running = start(
        registry! {
            "lock" => Held(alive),
            "api" => journal.script().idle(),
        }
        .only(["api"]),
    );
    running.await_healthy().await.unwrap();
    while count.load(std::sync::atomic::Ordering::Acquire) > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(state_of(&running.handle(), "lock"), State::Disabled);
}

#[service(idle)]
struct Held(#[allow(dead_code)] Alive);

impl lifecycle::Idle for Held {}

#[service(queue(size = 10, interval = "1s"))]
struct Mail(Intake<u32>);

impl Queue for Mail {
    type Item = u32;

    fn intake(&self) -> &Intake<u32> {
        &self.0
    }

    async fn flush(&self, _: &[u32], _: &lifecycle::Context) -> Result {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_is_left_out_takes_nothing() {
    let journal = Journal::new();
    let intake = Intake::bounded(10);
    let running = start(
        registry! {
            "mail" => Mail(intake.clone()),
            "api" => journal.script().idle(),
        }
        .only(["api"]),
    );
    running.await_healthy().await.unwrap();
    while !intake.is_closed() {
        tokio::task::yield_now().await;
    }
    assert!(intake.send(1).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_oneshot_that_is_needed_runs_and_one_that_is_not_does_not() {
    let journal = Journal::new();
    let running = start(
        registry! {
            "seed" => journal.script().run(takes(secs(9))).oneshot(),
            "migrate" => journal.script().run(takes(secs(2))).oneshot(),
            "api" => journal.script().idle(), after = ["migrate"],
        }
        .only(["api"]),
    );
    running.await_healthy().await.unwrap();
    assert_eq!(journal.now(), secs(2));
    assert_eq!(
        states(&running.handle()),
        ["seed: disabled", "migrate: stopped", "api: running"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_command_that_is_one_oneshot_ends_by_itself() {
    let journal = Journal::new();
    let outcome = registry! {
        "store" => journal.script().run(takes(secs(1))).oneshot(),
        "migrate" => journal.script().run(takes(secs(2))).oneshot(), after = ["store"],
        "api" => journal.script().idle(), after = ["migrate"],
    }
    .signals(false)
    .only(["migrate"])
    .run()
    .await;
    assert!(matches!(outcome.reason(), Reason::Finished));
    assert_eq!(outcome.exit_code(), 0);
    assert_eq!(journal.now(), secs(3));
}

/// The sentences of a start that is refused.
async fn refused(registry: Registry) -> Vec<String> {
    let running = start(registry);
    let error = running.await_healthy().await.unwrap_err().to_string();
    let outcome = running.stop().await;
    assert!(matches!(outcome.reason(), Reason::NotStarted(_)));
    assert_eq!(outcome.exit_code(), 1);
    error.lines().map(str::to_owned).collect()
}

#[tokio::test(start_paused = true)]
async fn a_name_that_there_is_not_is_told_with_the_near_one() {
    let journal = Journal::new();
    assert_eq!(
        refused(parts(&journal).only(["toknes", "disk", "nothing-like-it"])).await,
        [
            "`only` names `toknes`, which is not in the registry (help: did you mean `tokens`?)",
            "`only` names `nothing-like-it`, which is not in the registry (help: write the name of a service of this registry)",
        ]
    );
    assert_eq!(journal.all(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn no_name_at_all_is_a_mistake() {
    let none: [&str; 0] = [];
    assert_eq!(
        refused(parts(&Journal::new()).only(none)).await,
        ["`only` names no service (help: name a service, or leave `only` out to start them all)"]
    );
}

/// All problems are told at once.
#[tokio::test(start_paused = true)]
async fn what_is_disabled_cannot_be_asked_for_nor_needed() {
    let journal = Journal::new();
    let registry = registry! {
        "cache" => None::<IdleScript>,
        "gc" => None::<ScheduledScript>,
        "api" => journal.script().idle(), after = ["cache"],
        "jobs" => journal.script().idle(), after = ["gc"],
    };
    assert_eq!(
        refused(
            registry
                .only(["gc", "api"])
                .deadline(secs(5))
                .shutdown_delay(secs(5))
        )
        .await,
        [
            "`only` names `gc`, which is disabled (help: register `gc` with a value, or leave it out of `only`)",
            "`api` depends on `cache`, which is disabled (help: name `cache` in the `wants` of `api` if it can do without, or disable `api` too)",
            "the shutdown delay of 5s leaves nothing of the deadline of 5s (help: write a shorter delay, or a longer deadline, which includes it)",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_target_may_leave_out_what_needs_a_disabled_one() {
    let journal = Journal::new();
    let registry = registry! {
        "cache" => None::<IdleScript>,
        "api" => journal.script().idle(), after = ["cache"],
        "jobs" => journal.script().idle(),
    };
    let running = start(registry.only(["jobs"]));
    running.await_healthy().await.unwrap();
    assert_eq!(
        states(&running.handle()),
        ["cache: disabled", "api: disabled", "jobs: running"]
    );
}

/// Against the definition, on random graphs: a service is up if and only if a path of needs leads to it from the target,
/// or it is, or is needed by, a base service.
#[test]
fn a_target_of_any_graph_is_what_its_definition_says() {
    let mut numbers = numbers(7);
    for _ in 0..300 {
        lifecycle_tests::paused(one_graph(&mut numbers));
    }
}

/// A small generator of numbers: the same graphs everywhere.
fn numbers(seed: u64) -> impl FnMut(usize) -> usize {
    let mut state = seed;
    move |below| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        usize::try_from(state >> 33).unwrap() % below
    }
}

async fn one_graph(next: &mut impl FnMut(usize) -> usize) {
    let count = 2 + next(12);
    let base = next(3).min(count - 1);
    let journal = Journal::new();
    let name = |index: usize| format!("s{index}");
    let mut needs = vec![Vec::new(); count];
    let mut builder: RegistryBuilder = Registry::builder();
    for (index, needs) in needs.iter_mut().enumerate() {
        let mut wants = Vec::new();
        for dependency in 0..index {
            match next(5) {
                0 => needs.push(dependency),
                1 => wants.push(dependency),
                _ => {}
            }
        }
        builder = builder
            .service(name(index), journal.script().idle())
            .after(needs.iter().copied().map(name))
            .wants(wants.into_iter().map(name));
        if index < base {
            builder = builder.before_all();
        }
    }
    let target: Vec<usize> = (0..=next(3)).map(|_| next(count)).collect();
    // As often as there are services, everything that something marked needs is marked.
    let mut expected: Vec<bool> = (0..count)
        .map(|index| index < base || target.contains(&index))
        .collect();
    for _ in 0..count {
        for (index, needs) in needs.iter().enumerate() {
            if expected[index] {
                for &dependency in needs {
                    expected[dependency] = true;
                }
            }
        }
    }
    let running = start(builder.build().unwrap().only(target.into_iter().map(name)));
    running.await_healthy().await.unwrap();
    let states = running.handle().states();
    let up: Vec<bool> = states
        .iter()
        .map(|status| status.state == State::Running)
        .collect();
    assert_eq!(up, expected);
    assert_eq!(running.stop().await.exit_code(), 0);
}

/// A part of a part: the names are those of the registry within.
#[tokio::test(start_paused = true)]
async fn a_registry_within_has_a_target_of_its_own() {
    let journal = Journal::new();
    let part = || journal.script().idle();
    let inner = registry! {
        "log" => part(), before = all,
        "index" => part(),
        "query" => part(), after = ["index"],
        "crawl" => part(),
        "cache" => None::<IdleScript>,
    };
    let running = start(registry! {
        "search" => inner.only(["query"]),
        "api" => part(), after = ["search"],
    });
    running.await_healthy().await.unwrap();
    assert_eq!(
        states(&running.handle()),
        [
            "search: running",
            "search/log: running",
            "search/index: running",
            "search/query: running",
            "search/crawl: disabled",
            "search/cache: disabled",
            "api: running"
        ]
    );
    assert_eq!(running.stop().await.exit_code(), 0);

    let inner = registry! { "index" => part(), "query" => part() };
    let running = start(registry! { "search" => inner.only(["qery"]) });
    let error = running.await_healthy().await.unwrap_err().to_string();
    assert!(
        error.contains(
            "`only` names `qery`, which is not in the registry (help: did you mean `query`?)"
        ),
        "{error}"
    );
}
