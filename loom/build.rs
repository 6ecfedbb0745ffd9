//! Sets `cfg(loom)` for this package alone: set for all, it changes what tokio is built of.

fn main() {
    println!("cargo::rustc-check-cfg=cfg(loom)");
    println!("cargo::rustc-cfg=loom");
    println!("cargo::rerun-if-changed=build.rs");
}
