use lifecycle::{Idle, service};

#[service(grpc)]
struct Store;

impl Idle for Store {}

fn main() {
    lifecycle::registry! { "store" => Store };
}
