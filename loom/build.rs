//! Sets `cfg(loom)` for this package alone: set for all, it changes what tokio is built of. What the files of the
//! library have for serde and for cron is left out.

fn main() {
    println!("cargo::rustc-check-cfg=cfg(loom)");
    println!("cargo::rustc-check-cfg=cfg(feature, values(\"serde\", \"cron\"))");
    println!("cargo::rustc-cfg=loom");
    println!("cargo::rerun-if-changed=build.rs");
}
