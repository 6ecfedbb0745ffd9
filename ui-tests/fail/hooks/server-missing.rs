use lifecycle::service;

#[service(server)]
struct Api;

fn main() {}
