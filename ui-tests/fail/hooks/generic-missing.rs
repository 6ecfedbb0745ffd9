use lifecycle::{registry, service};

#[service(idle)]
struct Cache<T> {
    value: T,
}

fn main() {
    registry! { "cache" => Cache { value: 3 } };
}
