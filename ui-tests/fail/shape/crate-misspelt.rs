use lifecycle::{Idle, service};

#[service(idle, krate = ::lifecycle)]
struct Store;

impl Idle for Store {}

fn main() {}
