use lifecycle::{Context, Result, Service, async_trait};

struct Decorator<S>(S);

#[async_trait]
impl<S: Service> Service for Decorator<S> {
    async fn start(&self, cx: &Context) -> Result {
        self.0.start(cx).await
    }

    async fn stop(&self, cx: &Context) -> Result {
        self.0.stop(cx).await
    }

    fn __abandon(&self, _: &Context, _: ()) {}
}

fn main() {}
