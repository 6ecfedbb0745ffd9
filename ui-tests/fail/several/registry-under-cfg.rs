use lifecycle::{Idle, registry, service};

#[service(idle)]
struct Store;

impl Idle for Store {}

fn main() {
    registry! {
        "Store" => Store, stop_timeout = "10",
        #[cfg(all())]
        "api" => Store, after = ["stor", "Store"], patience = "1s",
        #[cfg(any())]
        "api" => Store, after = ["nothing"],
    };
}
