use lifecycle::{Idle, service};

#[service(idle(eager))]
struct Store;

impl Idle for Store {}

fn main() {
    lifecycle::registry! { "store" => Store };
}
