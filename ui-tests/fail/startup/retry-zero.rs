use lifecycle::{Idle, service};

#[service(idle, startup(retry = "0s..10s"))]
struct Store;

impl Idle for Store {}

fn main() {}
