use lifecycle::{Idle, service};

#[service(idle, name = "store")]
struct Store;

impl Idle for Store {}

fn main() {}
