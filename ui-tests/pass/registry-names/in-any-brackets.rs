#![deny(warnings)]

use lifecycle::{Idle, registry, service};

#[service[idle]]
struct Store;

impl Idle for Store {}

fn main() {
    let _ = registry!("store" => Store);
    let _ = registry!["store" => Store,];
    let _ = registry! { r"store" => Store, r#"cache"# => Store, after = [r"store"] };
}
