//! Under another name, which the root of the crate gives it, and through a re-export.
#![deny(warnings)]

mod framework {
    pub mod deep {
        pub use renamed as lifecycle;
    }
    pub use renamed::registry as assemble;
}

#[renamed::service(idle, crate = renamed)]
struct Store;

#[framework::deep::lifecycle::service(crate = crate::hygiene::renamed_crate::framework::deep::lifecycle, idle)]
struct Cache;

#[renamed::service(scheduled(interval = "30s"), crate = ::renamed)]
struct Collector;

impl renamed::Idle for Store {}
impl renamed::Idle for Cache {}

impl renamed::Scheduled for Collector {
    async fn tick(&self, _: &renamed::Context) -> renamed::Result {
        Ok(())
    }
}

macro_rules! declare {
    ($name:ident) => {
        #[renamed::service(idle, crate = $crate::hygiene::renamed_crate::framework::deep::lifecycle)]
        struct $name;

        impl renamed::Idle for $name {}
    };
}

declare!(Declared);

pub fn main() {
    let _ = renamed::registry! { "store" => Store, on_failure = ignore };
    let _ = framework::assemble! {
        "cache" => Cache,
        #[cfg(all())]
        "collector" => Collector, after = ["cache"],
    };
    let _ = framework::deep::lifecycle::registry! { "declared" => Declared };
}
