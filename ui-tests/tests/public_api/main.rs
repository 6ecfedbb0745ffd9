//! The public interface of each library, one line an item: what changes is looked at, and not only compiled.
//!
//! After a change that is meant: `BLESS=1 cargo test -p lifecycle-ui-tests --test public_api`, and read the diff.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod crate_files;
mod lines;

use std::path::{Path, PathBuf};
use std::{env, fs};

use crate_files::CrateFiles;

/// Packages whose items are no part of the public interface.
const NOT_PUBLIC: [&str; 2] = ["lifecycle-macros", "lifecycle-rules"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

#[test]
fn the_public_interface_is_the_one_that_is_listed() {
    let mut changed = Vec::new();
    for package in libraries() {
        let listed = root().join(format!("ui-tests/public-api/{package}.txt"));
        let found = lines::of(&CrateFiles::read(&root().join(&package).join("src")));
        let found = found
            .into_iter()
            .map(|line| line + "\n")
            .collect::<String>();
        if env::var_os("BLESS").is_some() {
            fs::write(&listed, &found).unwrap();
        }
        let before = fs::read_to_string(&listed).unwrap_or_default();
        let gone = before
            .lines()
            .filter(|line| !found.lines().any(|found| found == *line));
        changed.extend(gone.map(|line| format!("- {package}: {line}")));
        let new = found
            .lines()
            .filter(|line| !before.lines().any(|before| before == *line));
        changed.extend(new.map(|line| format!("+ {package}: {line}")));
    }
    assert!(
        changed.is_empty(),
        "the public interface has changed; if that is meant, run this with BLESS=1:\n{}",
        changed.join("\n")
    );
}

fn libraries() -> Vec<String> {
    let mut libraries: Vec<String> = fs::read_dir(root())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|folder| folder.join("src/lib.rs").exists())
        .map(|folder| folder.file_name().unwrap().to_str().unwrap().to_owned())
        .filter(|name| name.starts_with("lifecycle") && !NOT_PUBLIC.contains(&name.as_str()))
        .collect();
    libraries.sort();
    assert!(libraries.len() >= 2, "{libraries:?}");
    libraries
}
