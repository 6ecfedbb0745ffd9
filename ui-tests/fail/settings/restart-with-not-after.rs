use lifecycle::{Idle, registry, service};

#[service(idle)]
struct Part;

impl Idle for Part {}

fn main() {
    registry! {
        "store" => Part,
        "cache" => Part,
        "feed" => Part, after = ["store"], wants = ["cache"], restart_with = ["store", "cache"],
    };
}
