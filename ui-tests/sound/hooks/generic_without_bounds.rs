//! That a service is `Send` and `Sync` is asked of the types it is registered with.
#![deny(warnings)]

use lifecycle::{Context, Idle, Result, Worker, registry, service};

#[service(idle)]
struct Cache<T> {
    value: T,
}

impl<T> Idle for Cache<T> {}

#[service(worker)]
struct Consumer<T> {
    source: T,
}

impl<T: Sync> Worker for Consumer<T> {
    async fn run(&self, cx: &Context) -> Result {
        let _ = &self.source;
        cx.stop_channel().closed().await;
        Ok(())
    }
}

pub fn main() {
    let cache = Cache { value: "" };
    let _ = cache.value;
    let _ = registry! { "cache" => cache, "consumer" => Consumer { source: 1 } };
    let _ = Cache {
        value: std::rc::Rc::new(1),
    };
}
