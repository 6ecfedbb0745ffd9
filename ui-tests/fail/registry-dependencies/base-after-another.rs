use lifecycle::{Idle, registry, service};

#[service(idle)]
struct Part;

impl Idle for Part {}

fn main() {
    registry! {
        "store" => Part,
        "log" => Part, before = all,
        "sdk" => Part, before = all, after = ["log", "store"],
    };
}
