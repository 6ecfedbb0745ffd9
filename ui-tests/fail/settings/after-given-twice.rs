use lifecycle::{Idle, registry, service};

#[service(idle)]
struct Store;

impl Idle for Store {}

fn main() {
    registry! {
        "a" => Store,
        "b" => Store,
        "store" => Store, after = ["a"], after = ["b"],
    };
}
