//! The way down, its time: rules 19, 20 and 23.

use std::time::Duration;

use lifecycle::{
    Context, Laggard, Oneshot, Outcome, Reason, Registry, Result, Scheduled, Service, StartError,
    State, Worker, async_trait, registry, service,
};
use lifecycle_tests::{
    Journal, fails, hangs, millis, nothing, secs, spawns, start, takes, until_stopped,
};
use tokio::runtime::Handle;
use tokio::time::{sleep, sleep_until};

/// `service phase time`, for each laggard.
fn late(outcome: &Outcome) -> Vec<String> {
    let line = |laggard: &Laggard| {
        let Laggard {
            service,
            phase,
            had,
            ..
        } = laggard;
        format!("{service} {phase} {had:?}")
    };
    outcome.laggards().iter().map(line).collect()
}

#[tokio::test(start_paused = true)]
async fn a_hung_tick_is_dropped_at_three_quarters_so_that_the_drain_happens() {
    let journal = Journal::new();
    let running = start(registry! {
        "gc" => journal.script().tick(hangs()).drain(takes(secs(1))).scheduled(secs(10)), stop_timeout = secs(8),
    });
    sleep(secs(15)).await;
    let outcome = running.stop().await;
    assert_eq!(journal.at("gc: tick 1 dropped"), secs(15 + 6));
    assert_eq!(journal.at("gc: drain"), secs(15 + 6));
    assert_eq!(journal.at("gc: drain done"), secs(15 + 7));
    assert_eq!(late(&outcome), ["gc tick 6s"]);
    assert_eq!(outcome.services()[0].state, State::Failed);
    assert_eq!(outcome.exit_code(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_hung_run_is_dropped_at_three_quarters() {
    let journal = Journal::new();
    let running = start(registry! {
        "consumer" => journal.script().run(hangs()).worker(),
    });
    running.await_healthy().await.unwrap();
    let outcome = running.stop().await;
    assert_eq!(
        journal.timed()[3..],
        [
            "7.5s consumer: run dropped",
            "7.5s consumer: drain",
            "7.5s consumer: drain done",
        ],
        "of the ten seconds it has unless set"
    );
    assert_eq!(late(&outcome), ["consumer run 7.5s"]);
    assert_eq!(outcome.took(), Some(millis(7_500)));
}

#[tokio::test(start_paused = true)]
async fn a_hung_spawned_task_is_dropped_at_three_quarters() {
    let journal = Journal::new();
    let running = start(registry! {
        "api" => journal.script().startup(spawns(hangs())).idle(), stop_timeout = secs(4),
    });
    running.await_healthy().await.unwrap();
    let outcome = running.stop().await;
    assert_eq!(journal.at("api: task dropped"), secs(3));
    assert_eq!(journal.at("api: drain"), secs(3));
    assert_eq!(late(&outcome), ["api task 3s"]);
}

#[tokio::test(start_paused = true)]
async fn a_hung_drain_is_dropped_when_the_time_is_over() {
    let journal = Journal::new();
    let running = start(registry! {
        "store" => journal.script().drain(hangs()).idle(), stop_timeout = secs(4),
    });
    running.await_healthy().await.unwrap();
    let outcome = running.stop().await;
    assert_eq!(journal.at("store: drain dropped"), secs(4));
    assert_eq!(late(&outcome), ["store drain 4s"]);
    assert_eq!(outcome.took(), Some(secs(4)));
}

#[tokio::test(start_paused = true)]
async fn a_hung_run_and_a_hung_drain_share_one_budget() {
    let journal = Journal::new();
    let running = start(registry! {
        "a" => journal.script().run(hangs()).drain(hangs()).worker(), stop_timeout = secs(8),
    });
    running.await_healthy().await.unwrap();
    let outcome = running.stop().await;
    assert_eq!(
        journal.at("a: drain dropped"),
        secs(8),
        "no phase gets a fresh one"
    );
    assert_eq!(late(&outcome), ["a run 6s", "a drain 8s"]);
}

#[tokio::test(start_paused = true)]
async fn a_oneshot_in_flight_may_finish_within_its_whole_budget() {
    let journal = Journal::new();
    let running = start(registry! {
        "quick" => journal.script().run(takes(secs(9))).oneshot(),
        "slow" => journal.script().run(takes(secs(60))).oneshot(),
        "next" => journal.script().idle(), after = ["quick"],
    });
    sleep(secs(1)).await;
    let outcome = running.stop().await;
    assert_eq!(journal.at("quick: run done"), secs(9));
    assert_eq!(
        journal.at("slow: run dropped"),
        secs(11),
        "no quarter kept: it has no drain"
    );
    assert_eq!(late(&outcome), ["slow run 10s"]);
    assert_eq!(outcome.services()[0].state, State::Stopped);
    assert_eq!(journal.of("next"), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn the_others_are_not_disturbed_and_the_next_level_is_still_stopped() {
    let journal = Journal::new();
    let running = start(registry! {
        "store" => journal.script().drain(takes(secs(1))).idle(),
        "hung" => journal.script().run(hangs()).worker(), after = ["store"], stop_timeout = secs(4),
        "slow" => journal.script().drain(takes(secs(9))).idle(), after = ["store"],
    });
    running.await_healthy().await.unwrap();
    let outcome = running.stop().await;
    assert_eq!(journal.at("hung: run dropped"), secs(3));
    assert_eq!(journal.at("slow: drain done"), secs(9));
    assert_eq!(journal.at("store: drain"), secs(9));
    assert_eq!(late(&outcome), ["hung run 3s"]);
    assert_eq!(outcome.services()[0].state, State::Stopped);
}

#[tokio::test(start_paused = true)]
async fn the_deadline_shortens_the_time_of_those_whose_turn_comes_late() {
    let journal = Journal::new();
    let running = start(registry! {
        deadline = secs(12),
        "a" => journal.script().run(hangs()).worker(), stop_timeout = secs(60),
        "b" => journal.script().drain(takes(secs(8))).idle(), after = ["a"],
    });
    running.await_healthy().await.unwrap();
    let outcome = running.stop().await;
    assert_eq!(journal.at("b: drain done"), secs(8));
    assert_eq!(
        journal.at("a: run dropped"),
        secs(11),
        "three quarters of the four left"
    );
    assert_eq!(journal.at("a: drain"), secs(11));
    assert_eq!(late(&outcome), ["a run 3s"]);
}

#[tokio::test(start_paused = true)]
async fn the_deadline_is_twenty_five_seconds_from_the_first_request_unless_set() {
    let journal = Journal::new();
    let running = start(registry! {
        "a" => journal.script().drain(hangs()).idle(), stop_timeout = secs(600),
    });
    running.await_healthy().await.unwrap();
    running.handle().shutdown();
    sleep(secs(7)).await;
    let outcome = running.stop().await;
    assert_eq!(journal.now(), secs(25));
    assert_eq!(late(&outcome), ["a drain 18s"]);
    assert_eq!(outcome.took(), Some(secs(25)));
}

#[tokio::test(start_paused = true)]
async fn the_deadline_includes_the_shutdown_delay() {
    let journal = Journal::new();
    let running = start(registry! {
        deadline = secs(10), shutdown_delay = secs(6),
        "a" => journal.script().drain(hangs()).idle(),
    });
    running.await_healthy().await.unwrap();
    let outcome = running.stop().await;
    assert_eq!(journal.now(), secs(10));
    assert_eq!(late(&outcome), ["a drain 4s"]);
}

/// Wherever the two come from: the assembly, the registry after it, either of them with the default.
#[tokio::test(start_paused = true)]
async fn a_shutdown_delay_that_leaves_nothing_of_the_deadline_is_refused() {
    let journal = Journal::new();
    let plain = || registry! { "a" => journal.script().idle() };
    let built = || Registry::builder().service("a", journal.script().idle());
    let (five, thirty, ages) = (secs(5), secs(30), Duration::MAX);
    let refused = [
        plain().deadline(secs(3)).shutdown_delay(five),
        plain().shutdown_delay(five).deadline(secs(3)),
        plain().shutdown_delay(five).deadline(five),
        plain().shutdown_delay(thirty),
        plain().shutdown_delay(ages),
        plain().shutdown_delay(ages).deadline(ages),
        plain().shutdown_delay(millis(1)).deadline(Duration::ZERO),
        registry! { shutdown_delay = thirty, "a" => journal.script().idle() },
        registry! { shutdown_delay = five, deadline = five, "a" => journal.script().idle() },
        registry! { shutdown_delay = "5s", "a" => journal.script().idle() }.deadline(five),
        built()
            .deadline(thirty)
            .shutdown_delay(five)
            .build()
            .unwrap()
            .deadline(five),
        built().build().unwrap().shutdown_delay(thirty),
    ];
    for registry in refused {
        let running = start(registry);
        let reason = running.wait().await;
        let Reason::NotStarted(error) = &reason else {
            panic!("{reason}");
        };
        assert!(matches!(**error, StartError::Registry(_)));
        let told = reason.to_string();
        assert!(told.contains("leaves nothing of the deadline of"), "{told}");
        assert!(told.contains("(help: write a shorter delay"), "{told}");
        assert_eq!(running.stop().await.exit_code(), 1);
    }
    assert_eq!(journal.all(), [""; 0], "nothing was touched");

    let accepted = [
        plain().shutdown_delay(secs(24)),
        plain().deadline(secs(31)).shutdown_delay(thirty),
        plain().deadline(ages).shutdown_delay(thirty),
        plain().deadline(Duration::ZERO),
    ];
    for registry in accepted {
        let running = start(registry);
        running.await_healthy().await.unwrap();
        running.stop().await.into_result().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_chain_of_hung_services_ends_at_the_deadline() {
    let journal = Journal::new();
    let running = start(registry! {
        "a" => journal.script().run(hangs()).worker(),
        "b" => journal.script().run(hangs()).worker(), after = ["a"],
        "c" => journal.script().run(hangs()).drain(hangs()).worker(), after = ["b"],
        "d" => journal.script().run(hangs()).drain(hangs()).worker(), after = ["c"],
    });
    running.await_healthy().await.unwrap();
    let outcome = running.stop().await;
    assert_eq!(journal.at("d: drain dropped"), secs(10));
    assert_eq!(journal.at("c: drain dropped"), secs(20));
    assert_eq!(
        journal.at("b: run dropped"),
        millis(22_813),
        "three quarters of its share, which is three quarters of the 5 s left"
    );
    assert_eq!(
        journal.at("a: drain done"),
        millis(24_454),
        "3/4 of what is left, in whole milliseconds: nothing is below it"
    );
    assert_eq!(outcome.exit_code(), 1);
}

#[tokio::test(start_paused = true)]
async fn whoever_comes_when_the_time_is_over_still_drains_if_it_need_not_wait() {
    let journal = Journal::new();
    let running = start(registry! {
        deadline = secs(5),
        "a" => journal.script().worker(),
        "b" => journal.script().run(hangs()).worker(), after = ["a"],
        "c" => journal.script().run(spawns(hangs()).then(until_stopped())).worker(), after = ["b"],
        "d" => journal.script().drain(hangs()).idle(), after = ["c"],
    });
    running.await_healthy().await.unwrap();
    running.handle().shutdown();
    sleep(secs(6)).await;
    let outcome = running.stop().await;
    assert_eq!(journal.now(), secs(6));
    for drain in ["a: drain done", "b: drain done", "c: drain done"] {
        assert_eq!(journal.count(drain), 1, "{drain}: {:#?}", journal.timed());
    }
    assert_eq!(
        late(&outcome),
        ["d drain 0ns", "c task 0ns", "b run 0ns"],
        "a was ready to stop"
    );
}

#[tokio::test(start_paused = true)]
async fn a_service_at_the_bottom_is_flushed_though_all_above_it_hang() {
    let journal = Journal::new();
    let running = start(registry! {
        deadline = "10s",
        "store" => journal.script().drain(takes(millis(20))).idle(),
        "api" => journal.script().drain(hangs()).idle(), after = ["store"],
    });
    running.await_healthy().await.unwrap();
    let outcome = running.stop().await;
    assert_eq!(late(&outcome), ["api drain 7.5s"]);
    assert_eq!(journal.at("store: drain done"), millis(7_520));

    let journal = Journal::new();
    let hung = || journal.script().run(hangs()).drain(hangs()).worker();
    let running = start(registry! {
        "store" => journal.script().drain(takes(millis(20))).idle(),
        "one" => hung(), after = ["store"],
        "two" => hung(), after = ["one"],
        "three" => hung(), after = ["two"],
        "four" => hung(), after = ["three"],
        "five" => hung(), after = ["four"],
    });
    running.await_healthy().await.unwrap();
    let _ = running.stop().await;
    // 25 s: 10 s, 10 s, then three quarters of 5 s, of 1.25 s and of 312 ms, which leave 78 ms.
    assert_eq!(
        journal.count("store: drain done"),
        1,
        "{:#?}",
        journal.timed()
    );
}

#[tokio::test(start_paused = true)]
async fn only_those_still_to_be_stopped_take_a_share_of_the_time() {
    let journal = Journal::new();
    let running = start(registry! {
        deadline = "8s",
        "migration" => journal.script().oneshot(),
        "cache" => journal.script().run(fails("gone")).worker(), after = ["migration"], on_failure = ignore,
        "api" => journal.script().drain(hangs()).idle(), after = ["migration"],
        "web" => journal.script().drain(hangs()).idle(), after = ["migration"], stop_timeout = "1h",
    });
    sleep(secs(1)).await;
    let outcome = running.stop().await;
    assert_eq!(late(&outcome), ["api drain 8s", "web drain 8s"]);
}

/// Works until just before it would be dropped, and flushes likewise.
#[service(worker)]
struct Punctual(Journal);

impl Worker for Punctual {
    async fn run(&self, cx: &Context) -> Result {
        assert!(cx.deadline().is_none(), "it has not been asked to stop");
        let task = cx.clone();
        cx.spawn(async move {
            task.stop_channel().closed().await;
            sleep_until(task.deadline().unwrap()).await;
            Ok(())
        });
        cx.stop_channel().closed().await;
        sleep_until(cx.deadline().unwrap()).await;
        self.0.note("run until its deadline");
        Ok(())
    }

    async fn drain(&self, cx: &Context) -> Result {
        sleep_until(cx.deadline().unwrap()).await;
        self.0.note("drain until its deadline");
        Ok(())
    }
}

/// A tick that is in flight when the stop comes.
#[service(scheduled(interval = "1s"))]
struct PunctualTick(Journal);

impl Scheduled for PunctualTick {
    async fn tick(&self, cx: &Context) -> Result {
        cx.stop_channel().closed().await;
        sleep_until(cx.deadline().unwrap()).await;
        self.0.note("tick until its deadline");
        Ok(())
    }
}

/// A job that has no drain.
#[service(oneshot)]
struct PunctualJob(Journal);

impl Oneshot for PunctualJob {
    async fn run(&self, cx: &Context) -> Result {
        cx.stop_channel().closed().await;
        sleep_until(cx.deadline().unwrap()).await;
        self.0.note("job until its deadline");
        Ok(())
    }
}

/// Hand-written: `stop` sees the time of `start` first, and then its own.
struct PunctualByHand(Journal);

#[async_trait]
impl Service for PunctualByHand {
    async fn start(&self, cx: &Context) -> Result {
        cx.ready();
        cx.stop_channel().closed().await;
        sleep_until(cx.deadline().unwrap()).await;
        self.0.note("start until its deadline");
        Ok(())
    }

    async fn stop(&self, cx: &Context) -> Result {
        let before = cx.deadline();
        cx.exited().await;
        assert!(before < cx.deadline());
        sleep_until(cx.deadline().unwrap()).await;
        self.0.note("stop until its deadline");
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn who_uses_its_time_to_the_instant_that_the_context_tells_is_not_late() {
    let journal = Journal::new();
    let running = start(registry! {
        "store" => Punctual(journal.clone()), stop_timeout = "8s",
    });
    sleep(secs(1)).await;
    running.stop().await.into_result().unwrap();
    assert_eq!(journal.at("run until its deadline"), secs(1 + 6));
    assert_eq!(journal.at("drain until its deadline"), secs(1 + 8));

    let journal = Journal::new();
    let running = start(registry! {
        deadline = "16s",
        "tick" => PunctualTick(journal.clone()),
        "job" => PunctualJob(journal.clone()),
        "custom" => PunctualByHand(journal.clone()), after = ["tick"], stop_timeout = "1h",
    });
    sleep(millis(1_500)).await;
    running.stop().await.into_result().unwrap();
    let origin = millis(1_500);
    assert_eq!(journal.at("job until its deadline"), origin + secs(10));
    assert_eq!(journal.at("start until its deadline"), origin + secs(9));
    assert_eq!(journal.at("stop until its deadline"), origin + secs(12));
    assert_eq!(
        journal.at("tick until its deadline"),
        origin + secs(12) + secs(3),
        "three quarters of the four that are left"
    );
}

#[tokio::test(start_paused = true)]
async fn the_deadline_that_the_context_tells_is_shortened_with_the_time() {
    let journal = Journal::new();
    let running = start(registry! {
        deadline = "8s",
        "store" => journal.script().idle(),
        "cache" => FailsAndStays(journal.clone()), after = ["store"], on_failure = ignore, stop_timeout = "1h",
    });
    sleep(secs(2)).await;
    let outcome = running.stop().await;
    assert_eq!(outcome.laggards(), [], "{outcome}");
    // Six of the eight, as `store` is below it, and three quarters of that.
    assert_eq!(journal.at("run until its deadline"), millis(2_000 + 4_500));
}

/// Fails by a task, and goes on for as long as it may.
#[service(worker)]
struct FailsAndStays(Journal);

impl Worker for FailsAndStays {
    async fn run(&self, cx: &Context) -> Result {
        cx.spawn(async { Err("gone".into()) });
        cx.stop_channel().closed().await;
        cx.handle().wait().await;
        tokio::task::yield_now().await;
        sleep_until(cx.deadline().unwrap()).await;
        self.0.note("run until its deadline");
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_zero_stop_timeout_still_drains_what_need_not_wait() {
    let journal = Journal::new();
    let running = start(registry! {
        "a" => journal.script().idle(), stop_timeout = Duration::ZERO,
        "b" => journal.script().drain(takes(secs(1))).idle(), stop_timeout = Duration::ZERO,
    });
    running.await_healthy().await.unwrap();
    let outcome = running.stop().await;
    assert_eq!(journal.of("a")[2..], ["drain", "drain done"]);
    assert_eq!(journal.of("b")[2..], ["drain", "drain dropped"]);
    assert_eq!(late(&outcome), ["b drain 0ns"]);
}

#[tokio::test(start_paused = true)]
async fn endless_limits_are_no_limits() {
    let journal = Journal::new();
    let running = start(registry! {
        deadline = Duration::MAX,
        "a" => journal.script().startup(takes(secs(500))).drain(takes(secs(100_000))).idle(),
            start_timeout = Duration::MAX, stop_timeout = Duration::MAX,
    });
    running.await_healthy().await.unwrap();
    running.stop().await.into_result().unwrap();
    assert_eq!(journal.now(), secs(100_500));
}

#[tokio::test(start_paused = true)]
async fn a_service_that_failed_under_ignore_keeps_a_quarter_for_its_drain_when_the_application_stops()
 {
    let journal = Journal::new();
    let failing = spawns(takes(secs(1)).then(fails("lost"))).then(hangs());
    let running = start(registry! {
        deadline = secs(8),
        "a" => journal.script().run(failing).drain(takes(secs(1))).worker(), on_failure = ignore, stop_timeout = secs(60),
    });
    sleep(secs(2)).await;
    let _ = running.stop().await;
    assert_eq!(journal.count("a: drain"), 1, "{:#?}", journal.timed());
    assert_eq!(
        journal.at("a: run dropped"),
        secs(8),
        "three quarters of the eight left"
    );
    assert_eq!(journal.at("a: drain done"), secs(9));
}

#[tokio::test(start_paused = true)]
async fn after_stop_no_task_is_left() {
    let before = Handle::current().metrics().num_alive_tasks();
    let journal = Journal::new();
    let tasks = spawns(hangs())
        .then(spawns(until_stopped()))
        .then(spawns(nothing()));
    let running = start(registry! {
        "a" => journal.script().run(tasks.clone().then(until_stopped())).worker(),
        "b" => journal.script().run(tasks.then(hangs())).drain(hangs()).worker(), after = ["a"],
        "c" => journal.script().drain(spawns(hangs())).scheduled(secs(1)), after = ["b"],
        "d" => journal.script().startup(takes(secs(60))).idle(), after = ["c"],
    });
    let handle = running.handle();
    sleep(millis(2_500)).await;
    let _ = running.stop().await;
    assert_eq!(Handle::current().metrics().num_alive_tasks(), before);
    drop(handle);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_the_drain_starts_late_is_dropped_at_the_end_and_named() {
    // Before three quarters of the time, after them, and with its last look.
    for (takes_time, end) in [
        (secs(1), secs(3)),
        (millis(3500), secs(4)),
        (secs(4), secs(4)),
    ] {
        let journal = Journal::new();
        let drain = takes(takes_time).then(spawns(hangs()));
        let running = start(registry! {
            "a" => journal.script().drain(drain).idle(), stop_timeout = secs(4),
        });
        running.await_healthy().await.unwrap();
        let outcome = running.stop().await;
        assert_eq!(late(&outcome), [format!("a task {end:?}")]);
        assert_eq!(outcome.took(), Some(end));
        assert!(journal.of("a").contains(&"drain done".to_owned()));
        assert!(!journal.of("a").contains(&"task done".to_owned()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_from_another_thread_counts_on_the_clock_of_the_runtime() {
    let journal = Journal::new();
    let running = start(registry! { "a" => journal.script().drain(takes(secs(1))).idle() });
    sleep(secs(500)).await;
    let handle = running.handle();
    std::thread::spawn(move || handle.shutdown())
        .join()
        .unwrap();
    sleep(secs(3)).await;
    let outcome = running.stop().await;
    assert_eq!(outcome.took(), Some(secs(4)));
    outcome.into_result().unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_status_tells_when_the_time_to_stop_is_over_and_that_it_was_shortened() {
    let journal = Journal::new();
    let running = start(registry! {
        deadline = secs(20),
        "store" => journal.script().drain(takes(secs(1))).idle(),
        "api" => journal.script().drain(takes(secs(12))).idle(), after = ["store"], stop_timeout = secs(30),
    });
    let handle = running.handle();
    running.await_healthy().await.unwrap();
    let stop_by = |name: &str| handle.status(name).unwrap().stop_by;
    assert_eq!((stop_by("store"), stop_by("api")), (None, None));
    let begin = tokio::time::Instant::now();
    let stop = tokio::spawn(running.stop());
    sleep(secs(1)).await;
    // Three quarters of the whole are for what has others below it.
    assert_eq!(stop_by("api"), Some(begin + secs(15)));
    assert_eq!(stop_by("store"), None, "it was not asked yet");
    sleep(Duration::from_millis(11_500)).await;
    assert_eq!(stop_by("store"), Some(begin + secs(20)));
    let outcome = stop.await.unwrap();
    assert_eq!(outcome.exit_code(), 0, "{outcome}");
    assert_eq!(stop_by("api"), Some(begin + secs(15)), "it stays");
}
