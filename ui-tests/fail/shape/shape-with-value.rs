use lifecycle::{Idle, service};

#[service(idle = true)]
struct Store;

impl Idle for Store {}

fn main() {
    lifecycle::registry! { "store" => Store };
}
