use lifecycle::{Idle, service};

#[service(idle)]
#[service(worker)]
struct Store;

impl Idle for Store {}

fn main() {}
