use lifecycle::{Idle, service};

#[service(idle, retry = "100ms..10s")]
struct Store;

impl Idle for Store {}

fn main() {}
