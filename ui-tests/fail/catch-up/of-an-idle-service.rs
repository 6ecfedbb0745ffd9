use lifecycle::{Idle, service};

#[service(idle(catch_up = "1d"))]
struct Store;

impl Idle for Store {}

fn main() {}
