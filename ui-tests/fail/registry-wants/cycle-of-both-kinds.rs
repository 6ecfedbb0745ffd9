use lifecycle::{Idle, registry, service};

#[service(idle)]
struct Store;

impl Idle for Store {}

fn main() {
    registry! {
        "store" => Store, after = ["api"],
        "cache" => Store, after = ["store"],
        "api" => Store, wants = ["cache"],
    };
}
