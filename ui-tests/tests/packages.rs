//! What a registry shows of each package is complete, and none of it leads to the package of somebody else.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

/// What each manifest has, itself or from the workspace.
const METADATA: [&str; 9] = [
    "description = ",
    "version.workspace",
    "edition.workspace",
    "rust-version.workspace",
    "license.workspace",
    "keywords",
    "categories",
    "readme = ",
    "[package.metadata.docs.rs]\nall-features = true",
];

/// The crate that the registry knows by the name `lifecycle` is somebody else's.
const SOMEBODY_ELSES: [&str; 4] = [
    "cargo add lifecycle",
    "lifecycle = \"",
    "//docs.rs/lifecycle",
    "//crates.io/crates/lifecycle",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The folders of what is published.
fn packages() -> Vec<PathBuf> {
    let folders = fs::read_dir(root())
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let is_ours = |folder: &PathBuf| {
        folder
            .file_name()
            .unwrap()
            .to_str()
            .unwrap()
            .starts_with("lifecycle")
    };
    folders
        .filter(|folder| is_ours(folder) && folder.join("Cargo.toml").exists())
        .collect()
}

#[test]
fn each_package_has_its_metadata_and_its_licences() {
    assert!(packages().len() >= 4);
    for package in packages() {
        let manifest = fs::read_to_string(package.join("Cargo.toml")).unwrap();
        for line in METADATA {
            assert!(
                manifest.contains(line),
                "{}: no `{line}`",
                package.display()
            );
        }
        let readme = manifest
            .split("readme = \"")
            .nth(1)
            .unwrap()
            .split('"')
            .next()
            .unwrap();
        assert!(
            package.join(readme).exists(),
            "{}: no {readme}",
            package.display()
        );
        for licence in ["LICENSE-MIT", "LICENSE-APACHE"] {
            let whole = fs::read(root().join(licence)).unwrap();
            let copy = fs::read(package.join(licence)).unwrap_or_default();
            assert!(
                copy == whole,
                "{}: {licence} is not that of the workspace",
                package.display()
            );
        }
    }
}

#[test]
fn nothing_leads_to_the_package_of_somebody_else() {
    let mut texts = Vec::new();
    collect(&root(), &mut texts);
    texts.retain(|text| !text.ends_with("ui-tests/tests/packages.rs"));
    assert!(texts.len() > 200);
    for text in texts {
        let content = fs::read_to_string(&text).unwrap();
        for lead in SOMEBODY_ELSES {
            assert!(!content.contains(lead), "{}: `{lead}`", text.display());
        }
    }
}

/// Pages and sources.
fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() && !["target", ".git"].contains(&name) {
            collect(&path, found);
        } else if [".md", ".rs"].iter().any(|end| name.ends_with(end)) {
            found.push(path);
        }
    }
}
