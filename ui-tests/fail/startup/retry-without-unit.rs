use lifecycle::{Idle, service};

#[service(idle, startup(retry = "100..10s"))]
struct Store;

impl Idle for Store {}

fn main() {}
