use lifecycle::{Idle, registry, service};

#[service(idle)]
struct Feed;

impl Idle for Feed {}

fn main() {
    registry! {
        "feed" => Feed, on_failure = restart(max = forever, bakoff = "100ms..30s"),
    };
}
