use lifecycle::{Idle, service};

#[service(idle)]
enum Store {
    Memory,
    Disk,
}

impl Idle for Store {}

fn main() {
    lifecycle::registry! { "store" => Store::Memory };
}
