use lifecycle::service;

#[service(idle)]
pub trait Store {}

fn main() {}
