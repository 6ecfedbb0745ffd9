//! What is written for people holds together: every link in it leads to a file, a heading or an item, and every block
//! of code in the guide is compiled by some test.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod sources;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use sources::{files, root};

/// The crates whose documentation has a link to `crate::..`; the guide is the first one's.
const LIBRARIES: [&str; 4] = [
    "lifecycle",
    "lifecycle-etcd",
    "lifecycle-ops",
    "lifecycle-postgres",
];

fn pages() -> Vec<PathBuf> {
    let mut pages = Vec::new();
    files(&root(), "md", &mut pages);
    pages.sort();
    pages
}

/// What rustdoc makes of a source: its doc comments.
fn doc_comments(source: &str) -> String {
    let lines = source.lines().map(|line| {
        let line = line.trim_start();
        let text = line.strip_prefix("//!").or(line.strip_prefix("///"));
        text.map_or("", |text| text.strip_prefix(' ').unwrap_or(text))
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The text without its blocks of code.
fn prose(text: &str) -> String {
    let mut in_code = false;
    let lines = text.lines().filter(|line| {
        let is_fence = line.trim_start().starts_with("```");
        in_code ^= is_fence;
        !in_code && !is_fence
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The targets of the links in it: `[..](target)` and `[..]: target`.
fn links(text: &str) -> Vec<String> {
    let prose = prose(text);
    let mut links: Vec<String> = Vec::new();
    for (at, _) in prose.match_indices("](") {
        // Within code it is code.
        let line_start = prose[..at].rfind('\n').map_or(0, |end| end + 1);
        let opening = prose[line_start..at]
            .rfind('[')
            .map_or(at, |open| line_start + open);
        if prose[line_start..opening]
            .matches('`')
            .count()
            .is_multiple_of(2)
        {
            let target = prose[at + 2..].split([')', ' ', '\n']).next();
            links.extend(target.map(str::to_owned));
        }
    }
    for line in prose.lines().filter(|line| line.starts_with('[')) {
        let target = line.split_once("]: ").map(|(_, target)| target);
        links.extend(
            target
                .filter(|target| !target.contains(' '))
                .map(str::to_owned),
        );
    }
    links
}

/// The anchors of the headings, as GitHub and rustdoc name them.
fn anchors(text: &str) -> BTreeSet<String> {
    let prose = prose(text);
    let headings = prose.lines().filter(|line| line.starts_with('#'));
    let anchor = |heading: &str| {
        let heading = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = heading
            .chars()
            .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    headings.map(anchor).collect()
}

/// Is it a link of rustdoc's, to an item?
fn is_item(target: &str) -> bool {
    let path = target.split('#').next().unwrap();
    !path.is_empty() && !path.contains(['/', '.'])
}

/// The documentation of one library, as far as links into it go.
struct Library {
    folder: PathBuf,
    /// Everything that it defines or exports is a word in here.
    words: BTreeSet<String>,
    /// The anchors of the guide's pages, of the crate and of all items, each under its path.
    anchors: BTreeSet<String>,
}

impl Library {
    fn read(name: &str) -> Self {
        let folder = root().join(name);
        let (mut sources, mut pages) = (Vec::new(), Vec::new());
        files(&folder.join("src"), "rs", &mut sources);
        let docs = folder.join("docs");
        if docs.is_dir() {
            files(&docs, "md", &mut pages);
        }
        let mut words = BTreeSet::new();
        let mut all_anchors = BTreeSet::new();
        for source in sources {
            let text = fs::read_to_string(source).unwrap();
            all_anchors.extend(anchors(&doc_comments(&text)));
            let word = |c: char| !c.is_alphanumeric() && c != '_';
            words.extend(text.split(word).map(str::to_owned));
        }
        for page in pages {
            let name = page.file_stem().unwrap().to_str().unwrap();
            let headings = anchors(&fs::read_to_string(&page).unwrap());
            all_anchors.extend(headings.iter().map(|heading| format!("{name}#{heading}")));
            words.insert(name.to_owned());
        }
        Self {
            folder,
            words,
            anchors: all_anchors,
        }
    }

    /// That the path as a whole resolves is for `cargo doc` to say, which does not look at anchors.
    fn has(&self, target: &str) -> bool {
        let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
        let path = path.split_once('@').map_or(path, |(_, path)| path);
        let mut words = path
            .split("::")
            .map(|word| word.trim_end_matches(['(', ')', '!']));
        let page = path.rsplit("::").next().unwrap();
        let is_known = |word: &str| {
            ["crate", "self", "super", "Self"].contains(&word) || self.words.contains(word)
        };
        words.all(is_known)
            && (anchor.is_empty()
                || self.anchors.contains(anchor)
                || self.anchors.contains(&format!("{page}#{anchor}")))
    }
}

#[test]
fn every_link_leads_somewhere() {
    let libraries = LIBRARIES.map(Library::read);
    let mut broken = Vec::new();
    let mut check = |from: &Path, text: &str| {
        for target in links(text) {
            let library = libraries
                .iter()
                .find(|library| from.starts_with(&library.folder));
            let leads = match library {
                _ if target.contains("://") => true,
                Some(library) if is_item(&target) => library.has(&target),
                _ => leads_to_a_file(from, text, &target),
            };
            if !leads {
                broken.push(format!("{}: {target}", from.display()));
            }
        }
    };
    for page in pages() {
        check(&page, &fs::read_to_string(&page).unwrap());
    }
    let mut sources = Vec::new();
    for library in LIBRARIES {
        files(&root().join(library).join("src"), "rs", &mut sources);
    }
    for source in sources {
        check(
            &source,
            &doc_comments(&fs::read_to_string(&source).unwrap()),
        );
    }
    assert!(broken.is_empty(), "these lead nowhere: {broken:#?}");
}

fn leads_to_a_file(from: &Path, text: &str, target: &str) -> bool {
    let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
    if path.is_empty() {
        return anchors(text).contains(anchor);
    }
    let file = from.parent().unwrap().join(path);
    file.exists()
        && (anchor.is_empty() || anchors(&fs::read_to_string(file).unwrap()).contains(anchor))
}

/// A block that is not compiled where it stands is a file of `guide-tests`, to the letter.
#[test]
fn every_block_of_the_guide_is_compiled() {
    let mut programs = Vec::new();
    files(&root().join("guide-tests/src"), "rs", &mut programs);
    programs.retain(|program| !program.ends_with("lib.rs"));
    let programs: BTreeSet<String> = programs
        .into_iter()
        .map(|program| fs::read_to_string(program).unwrap())
        .collect();

    let mut blocks = BTreeSet::new();
    for page in fs::read_dir(root().join("lifecycle/docs")).unwrap() {
        let page = page.unwrap().path();
        if page.ends_with("generated.md") {
            continue; // expansions, which a test of the macros compares
        }
        let text = fs::read_to_string(page).unwrap();
        for (at, fence) in text.match_indices("```rust,ignore\n") {
            let block = &text[at + fence.len()..];
            blocks.insert(block[..block.find("```").unwrap()].to_owned());
        }
        let ignored = text
            .lines()
            .find(|line| line.starts_with("```") && line.contains("ignore"));
        assert!(
            matches!(ignored, None | Some("```rust,ignore")),
            "{ignored:?}"
        );
    }
    if let Some(block) = blocks.difference(&programs).next() {
        panic!("no file of guide-tests has this block of the guide:\n{block}");
    }
    if let Some(program) = programs.difference(&blocks).next() {
        panic!("no page of the guide shows this file of guide-tests:\n{program}");
    }
}

/// The programs of these pages are compiled where a crate includes them as its documentation. What stands in a block `rs` is shown
/// from a source that is compiled, to the letter but for indentation and comments.
#[test]
fn every_block_of_rust_is_compiled() {
    let mut sources = Vec::new();
    files(&root(), "rs", &mut sources);
    let sources: Vec<String> = sources
        .into_iter()
        .map(|source| code(&fs::read_to_string(source).unwrap()))
        .collect();
    for page in pages() {
        let name = page.strip_prefix(root()).unwrap().to_str().unwrap();
        let text = fs::read_to_string(&page).unwrap();
        let is_compiled = name.starts_with("lifecycle/docs/") || is_documentation(name);
        let programs = text.lines().filter(|line| line.starts_with("```rust"));
        assert!(
            is_compiled || programs.count() == 0,
            "{name}: nothing compiles its programs"
        );
        let is_expansion = name == "README.md"; // a test of the macros compares it
        for (at, fence) in text.match_indices("```rs\n").skip(is_expansion.into()) {
            let block = &text[at + fence.len()..];
            let block = code(&block[..block.find("```").unwrap()]);
            assert!(
                sources.iter().any(|source| source.contains(&block)),
                "{name}: no source has\n{block}"
            );
        }
    }
}

/// Does a crate include the page as its documentation? The first page is that of `lifecycle-tests`.
fn is_documentation(page: &str) -> bool {
    let (library, page) = match page.rsplit_once('/') {
        Some((package, page)) => (format!("{package}/src/lib.rs"), format!("../{page}")),
        None => ("tests/src/lib.rs".to_owned(), format!("../../{page}")),
    };
    fs::read_to_string(root().join(library))
        .is_ok_and(|library| library.contains(&format!("include_str!(\"{page}\")")))
}

fn code(text: &str) -> String {
    let lines = text.lines().map(str::trim_start);
    let lines: Vec<_> = lines.filter(|line| !line.starts_with("//")).collect();
    lines.join("\n")
}

/// A page that no index names is a page that nobody finds.
#[test]
fn the_guide_names_each_page() {
    let index = fs::read_to_string(root().join("lifecycle/src/guide.rs")).unwrap();
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    for page in fs::read_dir(root().join("lifecycle/docs")).unwrap() {
        let path = page.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let is_listed = index.contains(&format!("]({name})"));
        assert!(
            is_listed || name == "cron",
            "guide.rs does not list `{name}`"
        );
        assert!(
            index.contains(&format!("docs/{name}.md")) || name == "cron",
            "guide.rs has no module `{name}`"
        );
        assert!(
            readme.contains(&format!("lifecycle/docs/{name}.md")),
            "the README does not list `{name}`"
        );
    }
}
