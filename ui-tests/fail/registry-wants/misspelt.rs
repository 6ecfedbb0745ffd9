use lifecycle::{Idle, registry, service};

#[service(idle)]
struct Store;

impl Idle for Store {}

fn main() {
    registry! {
        "cache" => Store,
        "api" => Store, want = ["cache"],
    };
}
