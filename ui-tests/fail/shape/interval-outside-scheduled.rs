use lifecycle::{Idle, service};

#[service(idle, interval = "30s")]
struct Store;

impl Idle for Store {}

fn main() {
    lifecycle::registry! { "store" => Store };
}
