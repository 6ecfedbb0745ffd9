use lifecycle::service;

#[service(idle)]
const STORE: &str = "store";

fn main() {}
