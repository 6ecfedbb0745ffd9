#![deny(warnings)]

use std::sync::Arc;

use lifecycle::{Context, Idle, Result, Service, async_trait, registry, service};

trait Tokens: Service {
    fn issue(&self) -> u64;
}

#[service(idle)]
struct Jwt;

impl Idle for Jwt {}

impl Tokens for Jwt {
    fn issue(&self) -> u64 {
        7
    }
}

struct Listener;

#[async_trait]
impl Service for Listener {
    async fn start(&self, cx: &Context) -> Result {
        cx.ready();
        cx.stop_channel().closed().await;
        Ok(())
    }

    async fn stop(&self, cx: &Context) -> Result {
        cx.exited().await;
        Ok(())
    }
}

fn main() {
    let concrete = Arc::new(Jwt);
    let tokens: Arc<dyn Tokens> = concrete.clone();
    let _ = registry! {
        "concrete" => concrete,
        "tokens" => tokens.clone(),
        "listener" => Listener,
    };
    assert_eq!(tokens.issue(), 7);
}
