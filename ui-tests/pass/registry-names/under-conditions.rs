#![deny(warnings)]

use lifecycle::{Idle, registry, service};

#[service(idle)]
struct Store;

impl Idle for Store {}

fn main() {
    let _ = registry! {
        "store" => Store,
        #[cfg(all())]
        "api" => Store, after = ["store"], stop_timeout = "5s",
        #[cfg(any())]
        "api" => Missing, after = ["nothing"],
        #[cfg(any())]
        "BAD NAME" => Missing, after = ["store", "store"],
        #[cfg(all())]
        #[cfg(not(any()))]
        "cache" => Store, after = ["api"],
    };
}
