//! The troubleshooting page of the guide lists every message there is, and none that is no more.
//!
//! Messages are read from the source: what is in quotes in the macros and in the rules they share
//! with the runtime, and what the runtime's errors say. An entry is a heading, `..` in it is whatever
//! stands there.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use syn::LitStr;

/// Of the runtime, all that is in quotes in these files is said to a user; of the others, what
/// `#[error(..)]` and `on_unimplemented` say.
const SPOKEN: [&str; 2] = ["src/report/error.rs", "src/registry/builder.rs"];

/// How a help begins, which is no sentence of its own but the cure in one.
const HELPS: &[&str] = &[
    "a lower-case letter,",
    "add ",
    "begin with ",
    "call ",
    "count in ",
    "did you mean ",
    "join ",
    "keep ",
    "move ",
    "or ",
    "put ",
    "remove ",
    "rename ",
    "the units are ",
    "the value of `..` is one expression",
    "write ",
    ", or ",
    "..write a ",
    ".., and its settings ",
    ".., or write a ",
    "`*`,",
    "`JAN`,",
    "`SUN`,",
];

/// What nobody outside this project can come to see.
const INNER: [&str; 3] = [
    "an entry without a name",
    "mistakes were found and never told",
    "unexpected end of input",
];

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
fn every_message_has_an_entry() {
    let guide = Guide::read();
    let all = messages();
    let missing: Vec<_> = all
        .iter()
        .filter(|message| !guide.headings.iter().any(|heading| is_in(message, heading)))
        .filter(|message| !(is_part(message) && bare(&guide.text).contains(&bare(message))))
        .collect();
    assert!(
        missing.is_empty(),
        "no entry in docs/troubleshooting.md: {missing:#?}"
    );
}

#[test]
fn every_entry_is_of_a_message() {
    let all: Vec<String> = messages().iter().map(|message| bare(message)).collect();
    let is_said = |part: &str| all.iter().any(|message| message.contains(part.trim()));
    // One sentence may be put together of two.
    let is_said = |part: &str| {
        let gaps = part.match_indices(' ');
        is_said(part)
            || gaps
                .map(|(gap, _)| part.split_at(gap))
                .any(|(a, b)| is_said(a) && is_said(b))
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
        .all(|part| match rest.find(part) {
            Some(place) => {
                rest = &rest[place + part.len()..];
                true
            }
            None => false,
        })
}

/// A few words that are put into a sentence.
fn is_part(message: &str) -> bool {
    message.split_whitespace().count() <= 5
}

fn bare(text: &str) -> String {
    text.replace('`', "")
}

/// What the source says, `..` for each placeholder.
fn messages() -> BTreeSet<String> {
    let mut messages = BTreeSet::new();
    for krate in ["lifecycle-macros", "lifecycle-rules", "lifecycle"] {
        for file in files(&root().join(krate).join("src"), "rs") {
            let path = file
                .strip_prefix(root())
                .unwrap()
                .to_string_lossy()
                .into_owned();
            if ["tests", "words"].iter().any(|test| path.contains(test)) {
                continue;
            }
            let is_spoken =
                krate != "lifecycle" || SPOKEN.iter().any(|spoken| path.contains(spoken));
            let tokens: TokenStream = fs::read_to_string(&file).unwrap().parse().unwrap();
            read(tokens, is_spoken, &mut messages);
        }
    }
    messages
}

/// Literals in the order of the source, without those in attributes that say nothing and in tests.
fn read(tokens: TokenStream, is_spoken: bool, messages: &mut BTreeSet<String>) {
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Punct(sign) if sign.as_char() == '#' => {
                while let Some(TokenTree::Punct(_)) = tokens.peek() {
                    tokens.next();
                }
                let Some(TokenTree::Group(attribute)) = tokens.next() else {
                    continue;
                };
                if attribute.stream().to_string() == "cfg (test)" {
                    tokens.find(is_end);
                } else {
                    read_attribute(&attribute, messages);
                }
            }
            TokenTree::Group(group) => read(group.stream(), is_spoken, messages),
            TokenTree::Literal(literal) if is_spoken => {
                messages.extend(message(TokenTree::Literal(literal)));
            }
            _ => {}
        }
    }
}

fn is_end(token: &TokenTree) -> bool {
    match token {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        TokenTree::Punct(sign) => sign.as_char() == ';',
        _ => false,
    }
}

/// `error("..")`, and the message of `diagnostic::on_unimplemented(message = "..", ..)`.
fn read_attribute(attribute: &Group, messages: &mut BTreeSet<String>) {
    let text = attribute.stream().to_string();
    if !text.starts_with("error") && !text.contains("on_unimplemented") {
        return;
    }
    let inside = attribute
        .stream()
        .into_iter()
        .find_map(|token| match token {
            TokenTree::Group(group) => Some(group.stream()),
            _ => None,
        });
    let mut literals = inside
        .into_iter()
        .flatten()
        .filter(|token| matches!(token, TokenTree::Literal(_)));
    messages.extend(literals.next().and_then(message));
}

/// What is said, if it is a sentence or a part of one.
fn message(literal: TokenTree) -> Option<String> {
    let text = syn::parse2::<LitStr>(literal.into()).ok()?.value();
    let mut message = String::new();
    let mut depth = 0;
    for letter in text.replace("{{", "").replace("}}", "").chars() {
        match letter {
            '{' => depth += 1,
            '}' => {
                depth -= 1;
                message.push_str("..");
            }
            _ if depth == 0 => message.push(letter),
            _ => {}
        }
    }
    let message = message.trim();
    let words = message
        .split_whitespace()
        .filter(|word| word.chars().any(char::is_alphabetic));
    let is_help = HELPS
        .iter()
        .any(|help| message.starts_with(help.trim_end()));
    // `interval = "30s"`, `"store" => Store::new()`
    let examples = [" = \"", " = [", " => S", "crate = ", "on_failure = "];
    let is_example = !message.contains('`') && examples.iter().any(|sign| message.contains(sign));
    let is_sentence = words.count() > 1 && !is_help && !is_example;
    (is_sentence && !INNER.contains(&message)).then(|| message.to_owned())
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
