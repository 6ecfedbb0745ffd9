use lifecycle::service;

#[service(oneshot)]
struct Consumer;

fn main() {}
