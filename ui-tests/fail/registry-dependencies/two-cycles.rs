use lifecycle::{Idle, registry, service};

#[service(idle)]
struct Store;

impl Idle for Store {}

fn main() {
    registry! {
        "a" => Store, after = ["b"],
        "b" => Store, after = ["a", "c"],
        "c" => Store, after = ["d"],
        "d" => Store, after = ["c"],
    };
}
