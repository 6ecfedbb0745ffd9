use lifecycle::{Idle, registry, service};

#[service(idle)]
struct View<'a>(&'a str);

impl Idle for View<'_> {}

fn main() {
    let text = String::from("text");
    registry! { "view" => View(&text) };
}
