use lifecycle::{Idle, Registry, registry, service};

#[service(idle)]
struct Feed;

impl Idle for Feed {}

impl Feed {
    async fn connect() -> Self {
        Self
    }
}

async fn assemble() -> Registry {
    registry! { "feed" => Feed::connect() }
}

fn main() {}
