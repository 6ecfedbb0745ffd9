use lifecycle::{Idle, service};

#[service(idle, crate = "lifecycle")]
struct Store;

impl Idle for Store {}

fn main() {
    lifecycle::registry! { "store" => Store };
}
