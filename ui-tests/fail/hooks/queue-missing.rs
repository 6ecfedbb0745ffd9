use lifecycle::{Intake, service};

#[service(queue(size = 100, interval = "1s"))]
struct Audit {
    events: Intake<u8>,
}

fn main() {}
