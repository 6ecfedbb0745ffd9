//! Certificates of the tests' own, made by openssl.

use std::path::Path;
use std::process::Command;

/// A certificate for `localhost`, which vouches for itself, and its key.
///
/// # Panics
///
/// When openssl makes none.
pub fn certificate(folder: &Path, name: &str) -> (String, String) {
    let (certificate, key) = (
        folder.join(format!("{name}.crt")),
        folder.join(format!("{name}.key")),
    );
    let made = Command::new("openssl")
        .args(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2".split(' '),
        )
        .args(["-subj", "/CN=localhost"])
        .args(["-addext", "subjectAltName=DNS:localhost"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .output()
        .unwrap();
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    let read = |path| std::fs::read_to_string(path).unwrap();
    (read(certificate), read(key))
}
