use lifecycle::{Idle, registry, service};

#[service(idle)]
struct Store;

impl Idle for Store {}

fn main() {
    registry! {
        "cache" => Store, wants = ["api"],
        "api" => Store, wants = ["cache"],
    };
}
