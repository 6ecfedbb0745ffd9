use lifecycle::{Idle, registry, service};

#[service(idle)]
struct Api;

impl Idle for Api {}

fn main() {
    registry! { { Api, after: ["store"] } };
}
