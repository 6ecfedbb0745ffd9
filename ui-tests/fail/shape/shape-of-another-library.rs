use lifecycle::{Idle, service};

#[service(background)]
struct Store;

impl Idle for Store {}

fn main() {}
