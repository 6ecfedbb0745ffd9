use lifecycle::{Idle, service};

#[service(one-shot)]
struct Store;

impl Idle for Store {}

fn main() {}
