use lifecycle::{Idle, registry, service};

#[service(idle)]
struct Store;

impl Idle for Store {}

fn main() {
    registry! {
        #[cfg(any())]
        "cache" => Store,
        "api" => Store, wants = ["cache"],
    };
}
