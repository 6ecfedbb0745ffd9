//! One measurement of time, with the allocator everybody has.

fn main() -> Result<(), String> {
    lifecycle_benches::sample::main(None)
}
