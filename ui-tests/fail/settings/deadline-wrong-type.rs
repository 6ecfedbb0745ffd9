use lifecycle::{Idle, registry, service};

#[service(idle)]
struct Store;

impl Idle for Store {}

fn main() {
    let seconds = 10_u64;
    registry! {
        deadline = seconds,
        "store" => Store,
    };
}
