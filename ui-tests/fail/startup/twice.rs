use lifecycle::{Idle, service};

#[service(idle, startup(retry = "100ms..10s"), startup(retry = "1s..10s"))]
struct Store;

impl Idle for Store {}

fn main() {}
