#![deny(warnings)]

use lifecycle::{Idle, Result, registry, service};

mod inner {
    #[lifecycle::service(idle)]
    pub struct Store;

    impl lifecycle::Idle for Store {}
}

async fn open() -> Result<inner::Store> {
    Ok(inner::Store)
}

async fn assemble(early: bool) -> Result<lifecycle::Registry> {
    #[service(idle)]
    struct Local<T>(T);

    impl<T: Send + Sync> Idle for Local<T> {}

    let registry = registry! {
        "store" => open().await?,
        "local" => Local(if early { return Err("too early".into()) } else { 1 }),
        "block" => {
            let store = open().await?;
            Local(store)
        },
    };
    Ok(registry)
}

fn spawnable<F: Future + Send>(_: F) {}

pub fn main() {
    spawnable(assemble(true));
}
