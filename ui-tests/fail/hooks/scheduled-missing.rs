use lifecycle::service;

#[service(scheduled(interval = "30s"))]
struct Collector;

fn main() {}
