//! Whatever the names around the macros mean, theirs keep their meaning.
#![deny(warnings)]
#![allow(non_camel_case_types)]

mod hostile {
    pub mod core {}
    pub mod std {}
    pub mod alloc {}
    pub mod lifecycle {}
    pub mod tokio {}
    pub mod async_trait {}
    pub struct str;
    pub struct u32;
    pub struct u64;
    pub struct usize;
    pub struct bool;
    pub struct Duration;
    pub struct Result;
    pub struct Option;
    pub struct Ok;
    pub struct Some;
    pub struct None;
    pub struct Err;
    pub struct Idle;
    pub struct Scheduled;
    pub struct Service;
    pub struct Declared;
    pub struct Worker;
    pub struct Oneshot;
    pub struct Context;
    pub struct Queue;
    pub struct Plan;
    pub struct Kind;
    pub struct Retry;
    pub struct Registry;
    pub struct Entries;
    pub struct OnFailure;
    pub struct Written;
    pub struct registry;
    pub struct assembly;
    pub struct interval;
    pub struct size;
    pub struct jitter;
    pub struct cron;
    pub struct text;
    pub trait Text {}
    pub struct service;
    pub trait Send {}
    pub trait Sync {}
    pub trait Clone {}
}

mod quiet {
    use super::hostile::*;

    #[::lifecycle::service(idle)]
    pub struct Store;

    impl ::lifecycle::Idle for Store {}

    #[::lifecycle::service(scheduled(interval = "interval"))]
    pub struct Collector {
        pub interval: ::std::time::Duration,
    }

    #[::lifecycle::service(scheduled(interval = "30s"))]
    pub struct Fixed;

    #[::lifecycle::service(scheduled(interval = self.0))]
    pub struct Computed(::std::time::Duration);

    #[::lifecycle::service(
        startup(retry = "1s..2s"),
        scheduled(
            delay = "interval",
            first = immediate,
            jitter = "interval",
            tick_timeout = self.interval,
            on_error = continue,
            max_failures = 3
        )
    )]
    pub struct Poller {
        pub interval: ::std::time::Duration,
    }

    #[::lifecycle::service(scheduled(cron = "cron", tz = "Europe/Berlin", missed = skip))]
    pub struct Nightly {
        pub cron: ::std::string::String,
    }

    #[::lifecycle::service(scheduled(cron = self.0, tz = self.1))]
    pub struct Told(::std::string::String, &'static ::core::primitive::str);

    #[::lifecycle::service(queue(size = "size", interval = "1s", retry = "1s..2s", attempts = 3, attempts_used_up = drop, overflow = drop_oldest, flush_timeout = "5s"))]
    pub struct Audit {
        pub events: ::lifecycle::Intake<()>,
        pub size: ::core::primitive::usize,
    }

    impl ::lifecycle::Queue for Audit {
        type Item = ();

        fn intake(&self) -> &::lifecycle::Intake<()> {
            &self.events
        }

        async fn flush(&self, _: &[()], _: &::lifecycle::Context) -> ::lifecycle::Result {
            ::core::result::Result::Ok(())
        }
    }

    macro_rules! hooks {
        ($($name:ident)*) => {$(
            impl ::lifecycle::Scheduled for $name {
                async fn tick(&self, _: &::lifecycle::Context) -> ::lifecycle::Result {
                    ::core::result::Result::Ok(())
                }
            }
        )*};
    }

    hooks!(Collector Fixed Computed Poller Nightly Told);

    pub fn assemble(every: ::std::time::Duration) -> ::lifecycle::Registry {
        // Names that the block uses inside, used outside.
        let finish = Store;
        let __lifecycle = Fixed;
        ::lifecycle::registry! {
            deadline = "20s",
            "store" => finish, on_failure = ignore,
            "collector" => Collector { interval: every }, after = ["store"],
            "fixed" => __lifecycle, stop_timeout = "5s",
            #[cfg(all())]
            "entries" => { let _ = Entries; Store },
        }
    }
}

pub fn main() {
    let registry = quiet::assemble(::std::time::Duration::from_secs(30));
    drop(registry);
}
