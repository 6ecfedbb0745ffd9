use lifecycle::service;

#[service(server(address = "127.0.0.1:80"))]
struct Api;

fn main() {}
