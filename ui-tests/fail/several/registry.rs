use lifecycle::{Idle, registry, service};

#[service(idle)]
struct Store;

impl Idle for Store {}

fn main() {
    registry! {
        deadlin = "25s",
        shutdown_delay = "5",

        "Store" => Store, after = ["api", "cach"], stop_timeout = 10,
        cache => Store, after = ["cache"] start_timeout = "0s",
        "api" = Store, after = ["Store"], after = ["cache"],
        "api" => Store, on_failure = stop, deadline = "10s",
    };
}
