//! Whatever the names around the macros mean, theirs keep their meaning.
#![deny(warnings)]
#![allow(dead_code, non_camel_case_types)]

mod hostile {
    pub mod core {}
    pub mod std {}
    pub mod alloc {}
    pub mod lifecycle {}
    pub struct str;
    pub struct u32;
    pub struct u64;
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
    pub struct Registry;
    pub struct Entries;
    pub struct OnFailure;
    pub struct Written;
    pub struct registry;
    pub struct assembly;
    pub struct interval;
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

    macro_rules! hooks {
        ($($name:ident)*) => {$(
            impl ::lifecycle::Scheduled for $name {
                async fn tick(&self, _: &::lifecycle::Context) -> ::lifecycle::Result {
                    ::core::result::Result::Ok(())
                }
            }
        )*};
    }

    hooks!(Collector Fixed Computed);

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

fn main() {
    let registry = quiet::assemble(::std::time::Duration::from_secs(30));
    drop(registry);
}
