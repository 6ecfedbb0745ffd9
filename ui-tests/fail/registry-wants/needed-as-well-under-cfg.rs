use lifecycle::{Idle, registry, service};

#[service(idle)]
struct Store;

impl Idle for Store {}

fn main() {
    registry! {
        "cache" => Store,
        #[cfg(all())]
        "api" => Store, wants = ["cache"], after = ["cache"],
    };
}
