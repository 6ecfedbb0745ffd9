use lifecycle::service;

mod store {
    pub struct Store;
}

#[service(idle)]
pub use store::Store;

fn main() {}
