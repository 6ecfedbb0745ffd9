use lifecycle::{Idle, service};

#[service(idle, crate = 3)]
struct Store;

impl Idle for Store {}

fn main() {
    lifecycle::registry! { "store" => Store };
}
