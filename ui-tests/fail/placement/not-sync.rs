use std::cell::RefCell;

use lifecycle::{Idle, registry, service};

#[service(idle)]
struct Store {
    count: RefCell<u32>,
}

impl Idle for Store {}

fn main() {
    registry! { "store" => Store { count: RefCell::new(0) } };
}
