use lifecycle::{Idle, registry, service};

#[service(idle)]
struct Store;

impl Idle for Store {}

fn main() {
    registry! { "store" => Store, interval = "5s" };
}
