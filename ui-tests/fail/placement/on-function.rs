use lifecycle::service;

#[service(worker)]
pub async fn consume() {}

fn main() {}
