use lifecycle::{Idle, service};

#[service(idle, startup(retry = "100ms.."))]
struct Store;

impl Idle for Store {}

fn main() {}
