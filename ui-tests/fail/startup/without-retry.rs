use lifecycle::{Idle, service};

#[service(idle, startup)]
struct Store;

impl Idle for Store {}

fn main() {}
