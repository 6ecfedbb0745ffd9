use lifecycle::{Idle, service};

#[service(cron)]
struct Store;

impl Idle for Store {}

fn main() {
    lifecycle::registry! { "store" => Store };
}
