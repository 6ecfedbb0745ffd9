use lifecycle::{Context, Service};

fn end(service: &dyn Service, cx: &Context) {
    service.__abandon(cx, ());
}

fn main() {}
