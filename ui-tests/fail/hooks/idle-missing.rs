use lifecycle::service;

#[service(idle)]
struct Store;

fn main() {
    lifecycle::registry! { "store" => Store };
}
