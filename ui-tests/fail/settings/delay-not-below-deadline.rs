use lifecycle::{Idle, registry, service};

#[service(idle)]
struct Store;

impl Idle for Store {}

fn main() {
    registry! {
        shutdown_delay = "10s",
        deadline = "10s",

        "store" => Store,
    };
}
