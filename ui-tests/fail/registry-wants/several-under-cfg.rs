use lifecycle::{Idle, registry, service};

#[service(idle)]
struct Store;

impl Idle for Store {}

fn main() {
    registry! {
        #[cfg(all())]
        "api" => Store, wants = ["cache"], stop_timeout = "10", after = ["api", "stoer"],
        "store" => Store,
    };
}
