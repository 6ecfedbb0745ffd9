//! The table of the README: what each service takes with the library and by hand, counted. `UPDATE_EXPECT=1` writes it anew.

use std::{env, fmt::Write as _, fs, path::Path};

/// Each file of `services`, but for the vendor's API, which stands in for another program.
const SERVICES: [(&str, &str); 22] = [
    ("instrumentation", "idle, drain"),
    ("pprof", "server that waits for its port"),
    ("analytics", "scheduled, drain"),
    ("licensing", "scheduled, the first tick at once"),
    ("stats_reporter", "scheduled, drain"),
    ("tokenizer", "decorator, by hand in both"),
    ("tokenizer_jwt", "idle"),
    ("tokenizer_opaque", "scheduled, drain"),
    ("authz", "idle, startup, drain"),
    ("user", "idle, startup with retries"),
    ("auditor", "queue, startup, drain"),
    ("batcher", "queue that drops the oldest"),
    ("meter_reporter", "scheduled with jitter"),
    ("alertmanager", "scheduled, startup, a `Group`"),
    ("alertmanager_server", "member: scheduled, startup, drain"),
    ("ruler", "idle, startup, a `Group`"),
    (
        "rule_task",
        "member: scheduled, aligned, goes on after a panic",
    ),
    ("usage", "scheduled by cron, drain"),
    ("query_server", "server"),
    ("opamp", "server with isolated tasks"),
    ("health", "routes on a `Handle`"),
    ("migrator", "oneshot"),
];

const BEGIN: &str = "<!-- The test `lines` writes this table. -->\n";
const END: &str = "<!-- Here it ends. -->\n";

/// The lines of code: no comment, no blank line, no `use`.
fn lines(folder: &str, file: &str) -> usize {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let text = fs::read_to_string(root.join(folder).join(file).with_extension("rs")).unwrap();
    let mut open = false;
    let code = text.lines().map(str::trim).filter(|line| {
        let imports = open || line.starts_with("use ");
        open = imports && !line.ends_with(';');
        !imports && !line.is_empty() && !line.starts_with("//")
    });
    code.count()
}

fn table() -> String {
    let mut table =
        "| service | with `lifecycle` | lines | by hand |\n|---|---|---|---|\n".to_owned();
    let mut sums = (0, 0);
    for (file, shape) in SERVICES {
        let (ours, by_hand) = (lines("services", file), lines("by_hand", file));
        sums = (sums.0 + ours, sums.1 + by_hand);
        writeln!(
            table,
            "| [`{file}`](src/services/{file}.rs) | {shape} | {ours} | [{by_hand}](src/by_hand/{file}.rs) |"
        )
        .unwrap();
    }
    let registry = lines("by_hand", "registry");
    writeln!(table, "| **sum** | | **{}** | **{}** |", sums.0, sums.1).unwrap();
    writeln!(
        table,
        "| the registry | the library's | | [{registry}](src/by_hand/registry.rs), and it does far less |"
    )
    .unwrap();
    table
}

#[test]
fn the_readme_tells_how_many_lines_each_service_takes() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = fs::read_to_string(&path).unwrap();
    let (before, rest) = readme.split_once(BEGIN).unwrap();
    let (told, after) = rest.split_once(END).unwrap();
    let expected = format!("\n{}\n", table());
    if env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(path, format!("{before}{BEGIN}{expected}{END}{after}")).unwrap();
    } else {
        assert_eq!(told, expected, "run it with UPDATE_EXPECT=1");
    }
}

#[test]
fn each_service_has_its_counterpart_and_none_is_forgotten() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for (folder, others) in [
        ("services", ["mod", "cloud"]),
        ("by_hand", ["mod", "registry"]),
    ] {
        let files = fs::read_dir(root.join(folder)).unwrap();
        for file in files.map(|file| file.unwrap().path()) {
            let name = file.file_stem().unwrap().to_str().unwrap();
            let is_listed = SERVICES.iter().any(|(file, _)| *file == name);
            assert!(is_listed || others.contains(&name), "{folder}/{name}");
        }
    }
}
