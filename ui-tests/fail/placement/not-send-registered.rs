use std::rc::Rc;

use lifecycle::{Idle, registry, service};

#[service(idle)]
struct Store {
    shared: Rc<str>,
}

impl Idle for Store {}

fn main() {
    registry! { "store" => Store { shared: "".into() } };
}
