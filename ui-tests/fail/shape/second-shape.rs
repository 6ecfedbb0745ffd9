use lifecycle::{Idle, service};

#[service(idle, worker)]
struct Store;

impl Idle for Store {}

fn main() {
    lifecycle::registry! { "store" => Store };
}
