//! Each line of a table of promises names a test, and that test is there and is run.
//!
//! Such a table is one whose last column is headed `test`. In it a test is in backticks; `the same` is what the line above names.
//! A name with a path is a function that others call: a set of tests that every store must pass.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod sources;

use std::collections::BTreeSet;
use std::fs;

use sources::{files, root};

/// What a source has: its tests that are run, and its public functions.
#[derive(Default)]
struct Functions {
    tests: BTreeSet<String>,
    public: BTreeSet<String>,
}

impl Functions {
    fn all() -> Self {
        let mut sources = Vec::new();
        files(&root(), "rs", &mut sources);
        let mut all = Self::default();
        for source in sources {
            all.read(&fs::read_to_string(source).unwrap());
        }
        all
    }

    fn read(&mut self, source: &str) {
        let (mut is_test, mut is_ignored) = (false, false);
        for line in source.lines().map(str::trim) {
            if let Some(attribute) = line.strip_prefix("#[") {
                is_test |= attribute.starts_with("test") || attribute.starts_with("tokio::test");
                is_ignored |= attribute.starts_with("ignore");
            }
            let Some((before, after)) = line.split_once("fn ") else {
                continue;
            };
            let name = after.split(['(', '<']).next().unwrap().to_owned();
            match before.trim() {
                "" | "async" if is_test && !is_ignored => self.tests.insert(name),
                "pub" | "pub async" => self.public.insert(name),
                _ => false,
            };
            (is_test, is_ignored) = (false, false);
        }
    }

    fn has(&self, name: &str) -> bool {
        match name.rsplit_once("::") {
            Some((_, last)) => self.public.contains(last),
            None => self.tests.contains(name),
        }
    }
}

fn cells(line: &str) -> Option<Vec<&str>> {
    let row = line.trim().strip_prefix('|')?.strip_suffix('|')?;
    Some(row.split('|').map(str::trim).collect())
}

/// The last cells of the lines in tables of promises.
fn promises(page: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut is_promise = false;
    let mut before = None;
    for line in page.lines() {
        let row = cells(line);
        is_promise = match (&row, &before) {
            (Some(header), None) => header.len() > 1 && header.last() == Some(&"test"),
            (Some(row), Some(_)) => {
                let last = row.last().copied().unwrap_or_default();
                let is_rule = last.trim_matches(['-', ':']).is_empty() && !last.is_empty();
                if is_promise && !is_rule {
                    found.push(last);
                }
                is_promise
            }
            (None, _) => false,
        };
        before = row;
    }
    found
}

/// Those in backticks; folders of tests, which end with a colon, are not.
fn names(cell: &str) -> Vec<&str> {
    let parts: Vec<&str> = cell.split('`').collect();
    let quoted = parts.iter().zip(parts.iter().skip(1)).skip(1).step_by(2);
    quoted
        .filter(|(_, after)| !after.starts_with(':'))
        .map(|(name, _)| *name)
        .collect()
}

#[test]
fn each_promise_names_a_test_that_is_run() {
    let functions = Functions::all();
    let mut pages = Vec::new();
    files(&root(), "md", &mut pages);
    pages.sort();
    let (mut wrong, mut right) = (Vec::new(), 0);
    for path in pages {
        let page = fs::read_to_string(&path).unwrap();
        let mut has_one = false;
        for cell in promises(&page) {
            let tests = names(cell);
            let is_same = cell == "the same" && has_one;
            let missing: Vec<&&str> = tests.iter().filter(|test| !functions.has(test)).collect();
            if !is_same && tests.is_empty() || !missing.is_empty() {
                wrong.push(format!("{}: {cell}", path.display()));
            }
            has_one |= !tests.is_empty();
            right += tests.len();
        }
    }
    assert!(wrong.is_empty(), "promises without a test: {wrong:#?}");
    assert!(
        right > 20,
        "only {right} tests are named: are the tables found?"
    );
}

#[test]
fn what_names_no_test_is_seen() {
    let page = "| | promise | test |\n|---|---|---|\n| a | b | `one`, `folder`: `two` |\n| c | d | |\n\n| e | f |\n|---|---|\n| g | h |\n";
    assert_eq!(promises(page), ["`one`, `folder`: `two`", ""]);
    assert_eq!(names("`one`, `folder`: `two`"), ["one", "two"]);
    let mut functions = Functions::default();
    functions.read("#[test]\n#[ignore]\nfn one() {}\n#[tokio::test(start_paused = true)]\nasync fn two() {}\nfn three() {}\npub async fn leases() {}");
    let has =
        ["one", "two", "three", "stores::leases", "stores::memory"].map(|name| functions.has(name));
    assert_eq!(has, [false, true, false, true, false]);
}
