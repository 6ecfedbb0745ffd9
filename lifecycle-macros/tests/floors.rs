//! A folder is a floor: a file uses its own and those below it. What is on the same floor in another
//! folder is as foreign as what is above.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;

/// From the roof down.
const FLOORS: &[&[&str]] = &[
    &["lib"],
    &["service", "registry"],
    &["value"],
    &["syntax"],
    &["bounds", "words"],
    &["errors"],
];

#[test]
fn no_file_uses_a_floor_above_its_own() {
    let mut wrong = Vec::new();
    check(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
        "",
        &mut wrong,
    );
    assert!(
        wrong.is_empty(),
        "a file may use its own folder and the folders below it, never one beside it or above: {wrong:#?}"
    );
}

/// `room` is the folder directly in `src` that all of this folder belongs to; none for `src` itself.
fn check(folder: &Path, room: &str, wrong: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let room = if room.is_empty() { name } else { room };
        if path.is_dir() && name != "tests" {
            check(&path, room, wrong);
        } else if path.is_file() {
            let source = fs::read_to_string(&path).unwrap();
            // Tests may use what they test.
            let code = source.split("#[cfg(test)]\nmod tests {").next().unwrap();
            let used = code.split("crate::").skip(1).map(first_word);
            let upwards = used.filter(|used| *used != room && floor(used) <= floor(room));
            wrong.extend(upwards.map(|used| format!("{room} uses {used}, in {}", path.display())));
        }
    }
}

fn first_word(path: &str) -> &str {
    path.split(|letter: char| !letter.is_alphanumeric() && letter != '_')
        .next()
        .unwrap()
}

fn floor(room: &str) -> usize {
    let floor = FLOORS.iter().position(|rooms| rooms.contains(&room));
    floor.unwrap_or_else(|| panic!("`{room}` has no floor: give it one in this test"))
}
