use lifecycle::{Idle, service};

#[service(worker)]
struct Consumer;

impl Idle for Consumer {}

fn main() {}
