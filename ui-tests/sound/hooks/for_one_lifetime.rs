//! Only what is `'static` can be registered, so hooks for that one lifetime are enough, whatever the
//! shape, and however the lifetime is bound. What is no service yet may borrow as it likes.
#![deny(warnings)]

use std::time::Duration;

use lifecycle::{
    Context, Idle, Intake, Oneshot, Queue, Result, Scheduled, Service, Worker, service,
};

#[service(idle)]
struct Named<'a>(&'a str);
impl Idle for Named<'static> {}

#[service(idle)]
struct Pair<'a, 'b: 'a>(&'a str, &'b str)
where
    'a: 'b;
// For one and the same lifetime only.
impl<'x> Idle for Pair<'x, 'x> {}

#[service(scheduled(interval = { let every: &'a Duration = self.every; *every }, jitter = "1ms"))]
struct Tick<'a> {
    every: &'a Duration,
}
impl Scheduled for Tick<'static> {
    async fn tick(&self, _: &Context) -> Result {
        Ok(())
    }
}

#[service(scheduled(cron = "0 3 * * *"))]
struct Nightly<'a>(&'a str);
impl Scheduled for Nightly<'static> {
    async fn tick(&self, _: &Context) -> Result {
        Ok(())
    }
}

#[service(queue(size = 1, interval = "1s"))]
struct Sink<'a> {
    intake: Intake<&'a str>,
}
impl Queue for Sink<'static> {
    type Item = &'static str;

    fn intake(&self) -> &Intake<&'static str> {
        &self.intake
    }

    async fn flush(&self, _: &[&'static str], _: &Context) -> Result {
        Ok(())
    }
}

#[service(worker, startup(retry = "1s..2s"))]
struct Run<'a, T: 'a>(&'a T);
impl<T: Sync> Worker for Run<'static, T> {
    async fn run(&self, _: &Context) -> Result {
        Ok(())
    }
}

#[service(oneshot)]
struct Once<'a, const N: usize>([&'a str; N]);
impl Oneshot for Once<'static, 1> {
    async fn run(&self, _: &Context) -> Result {
        Ok(())
    }
}

/// A pointer that is for sharing in one lifetime only.
#[service(idle)]
struct Mapped<'a>(*const &'a str);
// SAFETY: the pointer is never followed.
unsafe impl Send for Mapped<'static> {}
unsafe impl Sync for Mapped<'static> {}
impl Idle for Mapped<'static> {}

fn check<S: Service>(_: S) {}

pub fn main() {
    static EVERY: Duration = Duration::from_secs(1);
    check(Named("text"));
    check(Pair("one", "other"));
    check(Tick { every: &EVERY });
    check(Nightly("text"));
    check(Sink {
        intake: Intake::bounded(1),
    });
    check(Run(&EVERY));
    check(Once(["text"]));
    check(Mapped(&"text"));
    let text = String::from("text");
    assert_eq!(Named(&text).0, Pair(&text, &text).1);
    assert_eq!((Nightly("a").0, Pair("b", "c").0), ("a", "b"));
    let _ = (Run(&1).0, Once(["d"]).0, Mapped(&"e").0);
}
