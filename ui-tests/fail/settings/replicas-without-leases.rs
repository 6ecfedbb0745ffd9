use lifecycle::{Idle, registry, service};

#[service(idle)]
struct Nightly;

impl Idle for Nightly {}

fn main() {
    let _ = registry! { "nightly" => Nightly, replicas = one };
}
