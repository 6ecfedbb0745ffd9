use lifecycle::{Idle, service};

struct Store;

#[service(idle)]
impl Idle for Store {}

fn main() {}
