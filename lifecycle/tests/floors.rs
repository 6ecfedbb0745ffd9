//! A folder is a floor: a file uses its own folder and the folders below it, never above. See CONTRIBUTING.

#![expect(clippy::unwrap_used, reason = "a test reads files that are there")]

use std::fs;
use std::path::{Path, PathBuf};

/// From the ground up. What stands beside each other on one floor does not know each other.
const FLOORS: &[&[&str]] = &[
    &["panics", "retry", "sync"],
    &["report"],
    &["time", "engine", "store"],
    &["shared"],
    &["shape"],
    &["run"],
    &["registry"],
    &["testing"],
    &["macros", "guide", "private"],
    &["lib"],
];

fn floor(room: &str) -> Option<usize> {
    FLOORS.iter().position(|rooms| rooms.contains(&room))
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let (folders, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let deeper = folders.iter().flat_map(|folder| sources(folder));
    files.into_iter().chain(deeper).collect()
}

#[test]
fn no_file_uses_what_stands_above_it() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    for path in sources(&source) {
        let file = path.strip_prefix(&source).unwrap();
        let room = Path::new(file.iter().next().unwrap()).with_extension("");
        let room = room.to_str().unwrap();
        let own = floor(room).unwrap_or_else(|| panic!("`{room}` has no floor: give it one here"));
        let text = fs::read_to_string(&path).unwrap();
        let code = text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"));
        for path in code.flat_map(|line| line.split("crate::").skip(1)) {
            let used = path
                .split(|letter: char| !letter.is_alphanumeric() && letter != '_')
                .next()
                .unwrap();
            if used != room && floor(used).is_some_and(|floor| floor >= own) {
                wrong.push(format!("{} uses `crate::{used}`", file.display()));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "a file may use its own folder and the folders below it, never above:\n{}",
        wrong.join("\n")
    );
}
