use lifecycle::{Idle, service};

#[service(periodic)]
struct Store;

impl Idle for Store {}

fn main() {
    lifecycle::registry! { "store" => Store };
}
