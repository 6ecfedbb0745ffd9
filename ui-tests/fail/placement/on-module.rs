use lifecycle::service;

#[service(idle)]
mod store {}

fn main() {}
