use lifecycle::{Idle, registry, service};

#[service(idle)]
struct Store;

impl Idle for Store {}

const STORE: &str = "store";

fn main() {
    registry! {
        STORE => Store,
    };
}
