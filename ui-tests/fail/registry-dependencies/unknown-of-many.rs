use lifecycle::{Idle, registry, service};

#[service(idle)]
struct Store;

impl Idle for Store {}

fn main() {
    registry! {
        "a" => Store,
        "b" => Store,
        "c" => Store,
        "d" => Store,
        "e" => Store,
        "f" => Store,
        "api" => Store, after = ["database"],
    };
}
