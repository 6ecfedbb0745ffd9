use lifecycle::{Idle, registry};

struct Store;

impl Idle for Store {}

fn main() {
    registry! {
        "store" => Store,
    };
}
