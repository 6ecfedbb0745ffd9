//! The whole course of `fleet-drive`, on a PostgreSQL of its own.

use std::process::Command;

#[test]
fn whatever_befalls_the_replicas_no_night_has_two_reports_and_every_gap_is_explained() {
    let course = Command::new(env!("CARGO_BIN_EXE_fleet-drive"))
        .env_remove("DATABASE_URL")
        .env_remove("ROUNDS")
        .output();
    let course = course.unwrap();
    let told = String::from_utf8_lossy(&course.stdout);
    let why = || format!("{told}\n{}", String::from_utf8_lossy(&course.stderr));
    assert!(course.status.success(), "{}", why());
    assert!(told.contains("verdict: kept"), "{}", why());
    // It was no quiet course: each fault was made, and somebody followed.
    for (fault, times) in [
        ("SIGTERM to", 2 + 3 + 3),
        ("SIGKILL to", 2 + 3),
        ("SIGSTOP to", 2 + 1),
    ] {
        assert_eq!(told.matches(fault).count(), times, "{fault}: {}", why());
    }
    assert!(told.matches(" ms after").count() + told.matches(" already").count() >= 6);
    assert!(told.contains("stands for them"), "{}", why());
}

#[test]
fn the_readme_shows_the_registry_that_is_run() {
    let readme = include_str!("../README.md");
    let (_, shown) = readme.split_once("```rs\n").unwrap();
    let (shown, _) = shown.split_once("\n```").unwrap();
    let program = include_str!("../src/main.rs");
    for line in shown.lines().map(str::trim) {
        assert!(program.contains(line), "not in the program: {line}");
    }
}
