use std::rc::Rc;

use lifecycle::{Idle, service};

#[service(idle)]
struct Store {
    shared: Rc<str>,
}

impl Idle for Store {}

fn main() {}
