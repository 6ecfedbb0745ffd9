use lifecycle::{Idle, service};

#[service]
struct Store;

impl Idle for Store {}

fn main() {
    lifecycle::registry! { "store" => Store };
}
