#![deny(warnings)]

use lifecycle::{Idle, registry, service};

#[service[idle]]
struct Store;

impl Idle for Store {}

pub fn main() {
    let _ = registry! {
        "a" => Store,
        "a23456789-123456789_123456789-1" => Store,
    };
    let _ = registry! { r"raw" => Store, r#"cache"# => Store, after = [r"raw"] }.signals(false);
    let _ = registry!("round" => Store);
    let _ = registry!["square" => Store];
}
