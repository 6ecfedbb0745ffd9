#![deny(warnings)]

use lifecycle::{Idle, registry, service};

#[service(idle)]
struct Store;

impl Idle for Store {}

fn main() {
    let _ = registry! {
        "api" => Store, after = ["tokenizer", "cache",],
        "tokenizer" => Store, after = ["store"],
        "cache" => Store, after = ["store"],
        "store" => Store, after = [],
    };
}
