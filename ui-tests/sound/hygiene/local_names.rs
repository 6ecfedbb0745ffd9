//! What the block of `registry!` calls its own is no name for the values in it.
#![deny(warnings)]

use lifecycle::{Idle, registry, service};

#[service(idle)]
struct Store(&'static str);

impl Idle for Store {}

pub fn main() {
    let registry = "mine";
    let _ = registry! {
        "a" => Store(registry),
        "b" => {
            let registry = registry! { "inner" => Store(registry) };
            drop(registry);
            Store(registry_name())
        },
    };
}

fn registry_name() -> &'static str {
    "registry"
}
