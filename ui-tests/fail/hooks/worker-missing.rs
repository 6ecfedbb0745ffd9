use lifecycle::service;

#[service(worker)]
struct Consumer;

fn main() {}
