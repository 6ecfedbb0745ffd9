//! Ticks that wait for themselves.
//!
//! The kind: a service's own code waits for a tick that cannot begin before that code has ended. Directly, from any hook that
//! the service has, at any of its ticks; with others beside it in the same hook; by way of one, two or three other services; in
//! a start, of one that waits for the one that asks. Each is an error at once, the ticks of all go on, and what is no circle,
//! such as a task that asks, is none.

use std::sync::Arc;
use std::sync::Mutex;

use lifecycle::{Context, Registry, Result, Scheduled, TriggerError, Worker, registry, service};
use lifecycle_tests::{millis, paused, secs, start};
use tokio::time::{Instant, sleep, timeout};

/// What was answered to whom at which millisecond.
#[derive(Clone)]
struct Answers(Arc<Mutex<Vec<String>>>, Instant);

impl Answers {
    fn new() -> Self {
        Self(Arc::default(), Instant::now())
    }

    fn note(&self, whom: &str, answer: &Result<(), TriggerError>) {
        let answer = match answer {
            Ok(()) => "done".to_owned(),
            Err(error) => error.to_string(),
        };
        let at = self.1.elapsed().as_millis();
        self.0
            .lock()
            .unwrap()
            .push(format!("{at} {whom}: {answer}"));
    }

    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

/// Asks in its hooks.
#[service(scheduled(interval = "1s"))]
struct Asks {
    answers: Answers,
    /// Whom its ticks ask.
    in_tick: &'static [&'static str],
    in_startup: &'static [&'static str],
    in_drain: &'static [&'static str],
}

impl Asks {
    fn new(answers: &Answers) -> Self {
        let none: &'static [&'static str] = &[];
        Self {
            answers: answers.clone(),
            in_tick: none,
            in_startup: none,
            in_drain: none,
        }
    }

    fn in_tick(answers: &Answers, whom: &'static [&'static str]) -> Self {
        Self {
            in_tick: whom,
            ..Self::new(answers)
        }
    }

    async fn ask(&self, cx: &Context, whom: &[&str]) -> Result {
        for whom in whom {
            let answer = cx.handle().trigger(whom).await;
            self.answers.note(cx.name(), &answer);
            answer?;
        }
        Ok(())
    }
}

impl Scheduled for Asks {
    async fn startup(&self, cx: &Context) -> Result {
        let _ = self.ask(cx, self.in_startup).await;
        Ok(())
    }

    async fn tick(&self, cx: &Context) -> Result {
        self.ask(cx, self.in_tick).await
    }

    async fn drain(&self, cx: &Context) -> Result {
        let _ = self.ask(cx, self.in_drain).await;
        Ok(())
    }
}

const OWN: &str = "service `a` waits for a tick or a flush of its own, which waits for it: ask from a task (`cx.spawn`), or call what it does";

#[test]
fn a_hook_that_asks_for_a_tick_of_its_own_service_is_told_at_once() {
    paused(async {
        let answers = Answers::new();
        let mut asks = Asks::in_tick(&answers, &["a"]);
        (asks.in_startup, asks.in_drain) = (&["a"], &["a"]);
        let running = start(registry! { "a" => asks });
        running.await_healthy().await.unwrap();
        sleep(millis(2500)).await;
        let ticks = running.handle().states()[0].ticks.clone().unwrap();
        assert_eq!((ticks.count, ticks.failures), (2, 2));
        running.stop().await.into_result().unwrap();
        let told = [0, 1000, 2000, 2500].map(|at| format!("{at} a: {OWN}"));
        assert_eq!(answers.all(), told);
    });
}

/// Waits for a tick of its own beside something else.
#[service(scheduled(interval = "1s"))]
struct Beside(Answers);

impl Scheduled for Beside {
    async fn tick(&self, cx: &Context) -> Result {
        let handle = cx.handle();
        let (answer, ()) = tokio::join!(handle.trigger("a"), sleep(millis(10)));
        self.0.note("a", &answer);
        Ok(())
    }
}

#[test]
fn what_a_hook_joins_is_its_own_code() {
    paused(async {
        let answers = Answers::new();
        let running = start(registry! { "a" => Beside(answers.clone()) });
        sleep(millis(1500)).await;
        running.stop().await.into_result().unwrap();
        assert_eq!(answers.all(), [format!("1010 a: {OWN}")]);
    });
}

/// Its tick starts a task that asks.
#[service(scheduled(interval = "1s"))]
struct ByTask(Answers);

impl Scheduled for ByTask {
    async fn tick(&self, cx: &Context) -> Result {
        if cx.handle().states()[0].ticks.clone().unwrap().count == 0 {
            let (cx2, answers) = (cx.clone(), self.0.clone());
            cx.spawn(async move {
                let answer = cx2.handle().trigger("a").await;
                answers.note("task", &answer);
                Ok(())
            });
        }
        sleep(millis(10)).await;
        Ok(())
    }
}

#[test]
fn a_task_of_the_service_may_ask_and_has_the_next_tick() {
    paused(async {
        let answers = Answers::new();
        let running = start(registry! { "a" => ByTask(answers.clone()) });
        sleep(millis(1500)).await;
        running.stop().await.into_result().unwrap();
        assert_eq!(answers.all(), ["1020 task: done"]);
    });
}

/// Services that ask one another in their ticks: who asks whom, and what each was told within a minute.
async fn circle(asks: &[(&'static str, &'static [&'static str])]) -> Vec<String> {
    let answers = Answers::new();
    let mut builder = Registry::builder();
    for (name, whom) in asks {
        builder = builder.service(*name, Asks::in_tick(&answers, whom));
    }
    let running = start(builder.build().unwrap());
    let handle = running.handle();
    let _ = timeout(secs(60), handle.trigger("a")).await.unwrap();
    let ticks = || {
        handle
            .states()
            .into_iter()
            .map(|status| status.ticks.unwrap())
    };
    assert!(ticks().all(|ticks| !ticks.in_flight()));
    let before: u64 = ticks().map(|ticks| ticks.count).sum();
    let all = answers.all();
    sleep(secs(5)).await;
    let after: u64 = ticks().map(|ticks| ticks.count).sum();
    assert!(after > before + 5, "they go on");
    let outcome = running.stop().await;
    outcome.into_result().unwrap();
    all
}

#[test]
fn ticks_that_wait_for_each_other_are_told_the_circle() {
    paused(async {
        let told = circle(&[("a", &["b"]), ("b", &["a"])]).await;
        let why = "these services would wait for each other's ticks: `b` -> `a` -> `b`";
        let a = format!("0 a: the tick failed: {why}");
        assert_eq!(told, [format!("0 b: {why}"), a]);
    });
    paused(async {
        let told = circle(&[("a", &["b"]), ("b", &["c"]), ("c", &["a"])]).await;
        let why = "these services would wait for each other's ticks: `c` -> `a` -> `b` -> `c`";
        assert_eq!(told[0], format!("0 c: {why}"));
    });
}

#[test]
fn ticks_that_ask_the_same_one_are_no_circle() {
    paused(async {
        let told = circle(&[("a", &["b", "c"]), ("b", &["c"]), ("c", &[])]).await;
        assert_eq!(told, ["0 b: done", "0 a: done", "0 a: done"]);
    });
}

#[test]
fn a_start_that_asks_one_that_does_not_run_yet_is_told_at_once() {
    paused(async {
        let answers = Answers::new();
        let mut store = Asks::new(&answers);
        store.in_startup = &["api", "beside"];
        let running = start(registry! {
            "store" => store,
            "api" => Asks::new(&answers), after = ["store"],
            "beside" => Asks::new(&answers), after = ["api"],
        });
        running.await_healthy().await.unwrap();
        assert_eq!(answers.1.elapsed(), secs(0));
        running.stop().await.into_result().unwrap();
        let why = "is not running yet, and may be waiting for the one that asks: ask later, or start after it";
        assert_eq!(answers.all(), [format!("0 store: service `api` {why}")]);
    });
}

#[test]
fn a_start_may_ask_one_that_runs() {
    paused(async {
        let answers = Answers::new();
        let mut api = Asks::new(&answers);
        api.in_startup = &["store"];
        let running = start(registry! {
            "store" => Asks::new(&answers),
            "api" => api, after = ["store"],
        });
        running.await_healthy().await.unwrap();
        running.stop().await.into_result().unwrap();
        assert_eq!(answers.all(), ["0 api: done"]);
    });
}

/// Asks all the time, and is asked by nobody.
#[service(worker)]
struct Asking(&'static str);

impl Worker for Asking {
    async fn run(&self, cx: &Context) -> Result {
        let stop = cx.stop_channel();
        while !stop.is_closed() {
            let _ = cx.handle().trigger(self.0).await;
            stop.run_until_closed(sleep(millis(10))).await;
        }
        Ok(())
    }
}

#[test]
fn a_wait_that_was_dropped_is_none() {
    paused(async {
        let answers = Answers::new();
        let running = start(registry! {
            "a" => Gives(answers.clone(), "b"),
            "b" => Gives(answers.clone(), "a"),
            "asking" => Asking("a"),
        });
        sleep(secs(10)).await;
        let outcome = running.stop().await;
        outcome.into_result().unwrap();
        assert!(answers.all().iter().all(|told| told.ends_with("gave up")));
    });
}

/// Asks once, for a moment only, of one that is busy with that itself.
#[service(scheduled(interval = "1s"))]
struct Gives(Answers, &'static str);

impl Scheduled for Gives {
    async fn tick(&self, cx: &Context) -> Result {
        let handle = cx.handle();
        if timeout(millis(1), handle.trigger(self.1)).await.is_err() {
            self.0.0.lock().unwrap().push("gave up".to_owned());
        }
        Ok(())
    }
}
