use lifecycle::{Idle, registry, service};

#[service(idle)]
struct Store;

impl Idle for Store {}

fn main() {
    registry! {
        "root" => Store,
        "a" => Store, after = ["root", "b"],
        "b" => Store, after = ["c"],
        "c" => Store, after = ["a"],
        "leaf" => Store, after = ["c"],
    };
}
