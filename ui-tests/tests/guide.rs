//! The troubleshooting page of the guide is the catalogue of messages: none is missing, and none is
//! there that is no more.
//!
//! Each heading is a message, `..` in it is whatever stands there. That the problems of the macros are
//! all in it is asserted by their unit tests, of each that they are told. Here it is what the fixtures
//! show, and what the errors of the runtime say.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{Group, TokenStream, TokenTree};
use syn::LitStr;

/// All that is in quotes here is a part of an error. Elsewhere in the runtime only attributes speak.
const ERRORS: &str = "lifecycle/src/report/error";

/// Messages that are the parser's.
const PARSED: [&str; 2] = ["expected ", "unexpected "];

struct Guide {
    headings: Vec<String>,
    text: String,
}

impl Guide {
    fn read() -> Self {
        let text = fs::read_to_string(root().join("lifecycle/docs/troubleshooting.md")).unwrap();
        let headings = text.lines().filter_map(|line| line.strip_prefix("### "));
        Self {
            headings: headings.map(str::to_owned).collect(),
            text,
        }
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

#[test]
fn every_error_of_the_runtime_has_an_entry() {
    let mut errors = BTreeSet::new();
    for file in sources("lifecycle") {
        let is_error = file.to_string_lossy().contains(ERRORS);
        read(&file, &mut |literal, attribute| match attribute {
            Some(attribute) if is_spoken(attribute) => errors.extend(said(&literal)),
            None if is_error => errors.extend(said(&literal)),
            _ => {}
        });
    }
    let guide = Guide::read();
    let has_entry = |error: &String| {
        let is_in_heading = guide.headings.iter().any(|heading| is_in(error, heading));
        // A few words that are put into a sentence stand in the text below its heading.
        let is_part = error.split_whitespace().count() <= 5;
        is_in_heading || is_part && bare(&guide.text).contains(&bare(error))
    };
    errors.retain(|error| !has_entry(error));
    assert!(
        errors.is_empty(),
        "no entry in docs/troubleshooting.md: {errors:#?}"
    );
}

#[test]
fn every_entry_is_of_a_message() {
    let mut all = String::new();
    for file in ["lifecycle", "lifecycle-macros", "lifecycle-rules"]
        .map(sources)
        .concat()
    {
        read(&file, &mut |literal, _| {
            all.extend(said(&literal).map(|said| bare(&said)));
            all.push('\n');
        });
    }
    let is_said = |part: &str| all.contains(part.trim());
    // One sentence may be put together of two.
    let is_said = |part: &str| {
        let mut gaps = part.match_indices(' ').map(|(gap, _)| part.split_at(gap));
        is_said(part) || gaps.any(|(a, b)| is_said(a) && is_said(b))
    };
    for heading in &Guide::read().headings {
        let heading = bare(heading);
        let mut parts = heading.split("..").filter(|part| !part.trim().is_empty());
        assert!(parts.all(is_said), "nobody says `{heading}` any more");
    }
}

#[test]
fn what_the_fixtures_show_has_an_entry() {
    let guide = Guide::read();
    for (code, message) in shown() {
        if let Some(code) = code {
            assert!(guide.text.contains(&code), "{code} has no entry: {message}");
        } else if !PARSED.iter().any(|parsed| message.starts_with(parsed)) {
            let has_entry = guide.headings.iter().any(|heading| says(heading, &message));
            assert!(
                has_entry || guide.text.contains(&message),
                "no entry: {message}"
            );
        }
    }
}

/// The code, if it has one, and the first line of every error beside a fixture.
fn shown() -> BTreeSet<(Option<String>, String)> {
    let mut shown = BTreeSet::new();
    for file in files(&root().join("ui-tests/fail"), "stderr") {
        for line in fs::read_to_string(file).unwrap().lines() {
            if let Some(message) = line.strip_prefix("error: ") {
                shown.insert((None, message.to_owned()));
            } else if let Some((code, message)) = line
                .strip_prefix("error[")
                .and_then(|line| line.split_once("]: "))
            {
                shown.insert((Some(code.to_owned()), message.to_owned()));
            }
        }
    }
    shown
}

/// Whether the message is what the heading says, with something for each `..`.
fn says(heading: &str, message: &str) -> bool {
    let mut rest = message;
    let parts: Vec<&str> = heading.split("..").collect();
    for (index, part) in parts.iter().enumerate() {
        let place = if index == 0 {
            rest.starts_with(part).then_some(0)
        } else {
            rest.find(part)
        };
        let Some(place) = place else { return false };
        rest = &rest[place + part.len()..];
    }
    rest.is_empty() || parts.last().is_some_and(|last| last.is_empty())
}

/// Whether the parts of the message stand in the heading, in their order.
fn is_in(message: &str, heading: &str) -> bool {
    let heading = bare(heading);
    let mut rest = heading.as_str();
    bare(message)
        .split("..")
        .map(str::trim)
        .all(|part| match rest.split_once(part) {
            Some((_, behind)) => {
                rest = behind;
                true
            }
            None => false,
        })
}

fn bare(text: &str) -> String {
    text.replace('`', "")
}

/// Without those of tests.
fn sources(krate: &str) -> Vec<PathBuf> {
    let mut files = files(&root().join(krate).join("src"), "rs");
    files.retain(|file| {
        file.components()
            .all(|part| !part.as_os_str().to_string_lossy().starts_with("tests"))
    });
    files
}

/// `#[error("..")]`, and the message of `#[diagnostic::on_unimplemented(message = "..", ..)]`.
fn is_spoken(attribute: &Group) -> bool {
    let text = attribute.stream().to_string();
    text.starts_with("error") || text.contains("on_unimplemented")
}

/// Visits what is in quotes, but for what is in tests: of an attribute the first text only.
fn read(file: &Path, visit: &mut impl FnMut(LitStr, Option<&Group>)) {
    let source = fs::read_to_string(file).unwrap();
    let code = source.split("#[cfg(test)]\nmod tests {").next().unwrap();
    read_tokens(code.parse().unwrap(), visit);
}

fn read_tokens(tokens: TokenStream, visit: &mut impl FnMut(LitStr, Option<&Group>)) {
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Punct(sign) if sign.as_char() == '#' => {
                while let Some(TokenTree::Punct(_)) = tokens.peek() {
                    tokens.next();
                }
                if let Some(TokenTree::Group(attribute)) = tokens.next() {
                    let texts = attribute.stream().into_iter().flat_map(texts);
                    texts.take(1).for_each(|text| visit(text, Some(&attribute)));
                }
            }
            TokenTree::Group(group) => read_tokens(group.stream(), visit),
            other => texts(other).into_iter().for_each(|text| visit(text, None)),
        }
    }
}

/// What is in quotes in the group, or in this token.
fn texts(token: TokenTree) -> Vec<LitStr> {
    match token {
        TokenTree::Group(group) => group.stream().into_iter().flat_map(texts).collect(),
        other => syn::parse2(other.into()).into_iter().collect(),
    }
}

/// More than one word, with `..` for each placeholder.
fn said(literal: &LitStr) -> Option<String> {
    let mut said = String::new();
    let mut depth = 0;
    for letter in literal.value().replace("{{", "").replace("}}", "").chars() {
        match letter {
            '{' => depth += 1,
            '}' => {
                depth -= 1;
                said.push_str("..");
            }
            _ if depth == 0 => said.push(letter),
            _ => {}
        }
    }
    let said = said.trim();
    let words = said
        .split_whitespace()
        .filter(|word| word.chars().any(char::is_alphabetic));
    (words.count() > 1).then(|| said.to_owned())
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|other| other == extension) {
            found.push(path);
        }
    }
    found.sort();
    found
}
