use lifecycle::{Idle, service};

#[service(idel)]
struct Store;

impl Idle for Store {}

fn main() {
    lifecycle::registry! { "store" => Store };
}
