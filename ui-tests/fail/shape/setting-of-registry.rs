use lifecycle::{Idle, service};

#[service(idle, after = ["config"])]
struct Store;

impl Idle for Store {}

fn main() {}
