use lifecycle::{Idle, Result, registry, service};

#[service(idle)]
struct Store;

impl Idle for Store {}

fn open() -> Result<Store> {
    Ok(Store)
}

fn main() {
    registry! {
        "store" => open(),
    };
}
