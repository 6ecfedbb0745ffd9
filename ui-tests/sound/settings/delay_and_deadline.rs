#![deny(warnings)]

use std::time::Duration;

use lifecycle::{Idle, registry, service};

#[service(idle)]
struct Store;

impl Idle for Store {}

pub fn main() {
    let delay = Duration::from_secs(10);
    let _ = registry! { deadline = "10s", shutdown_delay = "9s", "store" => Store };
    let _ = registry! { shutdown_delay = "0", deadline = "1ns", "store" => Store };
    let _ = registry! { deadline = "10s", shutdown_delay = delay, "store" => Store };
    let _ = registry! { shutdown_delay = "24s", "store" => Store }.deadline(delay * 9);
}
