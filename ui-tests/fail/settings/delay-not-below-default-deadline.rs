use lifecycle::{Idle, registry, service};

#[service(idle)]
struct Store;

impl Idle for Store {}

fn main() {
    registry! {
        shutdown_delay = "30s",

        "store" => Store,
    };
}
