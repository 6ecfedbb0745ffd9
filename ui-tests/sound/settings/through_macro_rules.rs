#![deny(warnings)]

use lifecycle::{Idle, registry, service};

#[service(idle)]
#[derive(Clone)]
struct Store;

impl Idle for Store {}

macro_rules! assemble {
    ($($name:literal => $service:expr, $limit:literal, [$($dependency:literal),*];)*) => {
        registry! {
            deadline = "20s",
            $($name => $service, stop_timeout = $limit, after = [$($dependency),*],)*
        }
    };
}

macro_rules! forward {
    ($($tokens:tt)*) => { registry! { $($tokens)* } };
}

pub fn main() {
    let registry = Store;
    let store = registry.clone();
    let _ = assemble! {
        "store" => registry, "5s", [];
        "api" => store.clone(), "10s", ["store"];
    };
    let _ = forward! { "store" => store, on_failure = ignore };
}
