use lifecycle::{Idle, service};

#[service(shape = idle)]
struct Store;

impl Idle for Store {}

fn main() {}
