#![no_implicit_prelude]
#![deny(warnings)]

#[::lifecycle::service(scheduled(interval = "every", tick_timeout = self.every))]
struct Collector {
    every: ::core::time::Duration,
}

#[::lifecycle::service(idle, startup(retry = "1s..2s"))]
struct Cache<T>(T);

impl<T> ::lifecycle::Idle for Cache<T> {}

impl ::lifecycle::Scheduled for Collector {
    async fn tick(&self, _: &::lifecycle::Context) -> ::lifecycle::Result {
        ::core::result::Result::Ok(())
    }
}

pub fn main() {
    let every = ::core::time::Duration::from_secs(30);
    let _ = ::lifecycle::registry! {
        deadline = "20s",
        "collector" => Collector { every }, on_failure = ignore,
        #[cfg(all())]
        "cache" => Cache(1), after = ["collector"],
    };
}
