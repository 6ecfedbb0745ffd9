use lifecycle::{Idle, registry, service};

#[service(idle)]
struct Store;

impl Idle for Store {}

fn main() {
    registry! {
        "cache" => Store,
        "store" => Store,
        "api" => Store, wants = ["cache"], wants = ["store"],
    };
}
