//! What a user's program costs to build under each of those that are compared: `builds 1,10,100` prints a table for
//! each number of services, `builds 1,10,100 5` takes medians of five rounds in place of three.
//!
//! The programs are written into `target/builds` of this workspace, each with a target folder of its own. Crates are
//! fetched before anything is measured. *Clean* is a build with nothing built, *edited* one after a number in a tick
//! has changed; each round measures every contender once, in turn.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use lifecycle_benches::program::Style;

type Result<T = (), E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/builds");
const LIFECYCLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../lifecycle");
const LOCK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.lock");

fn main() -> Result {
    let mut args = std::env::args().skip(1);
    let sizes = args.next().unwrap_or_else(|| "1,10,100".to_owned());
    let rounds = args.next().map_or(Ok(3), |rounds| rounds.parse())?;
    for services in sizes.split(',') {
        table(services.parse()?, rounds)?;
    }
    Ok(())
}

/// What one round measures of a program.
const COLUMNS: [&str; 4] = [
    "clean debug build",
    "edited debug build",
    "clean release build",
    "edited release build",
];

fn table(services: usize, rounds: usize) -> Result {
    let programs = Style::ALL
        .into_iter()
        .map(|style| Program::write(style, services))
        .collect::<Result<Vec<_>>>()?;
    let mut samples = vec![[const { Vec::new() }; COLUMNS.len()]; programs.len()];
    for _ in 0..rounds {
        for (program, samples) in programs.iter().zip(&mut samples) {
            for (took, samples) in program.measure()?.into_iter().zip(samples) {
                samples.push(took);
            }
        }
    }
    println!(
        "\n| {services} services | crates | {} | stripped |",
        COLUMNS.join(" | ")
    );
    println!("|---|---:|{}---:|", "---:|".repeat(COLUMNS.len()));
    let first = samples[0].clone().map(median);
    for (program, samples) in programs.iter().zip(samples) {
        let cells = samples
            .map(median)
            .into_iter()
            .zip(first)
            .map(|(took, first)| {
                let ratio = took.as_secs_f64() / first.as_secs_f64();
                format!("{:.2} s ({ratio:.2})", took.as_secs_f64())
            });
        println!(
            "| {} | {} | {} | {} KiB |",
            program.style.name(),
            program.crates()?,
            cells.collect::<Vec<_>>().join(" | "),
            program.stripped()? / 1024,
        );
    }
    Ok(())
}

fn median(mut samples: Vec<Duration>) -> Duration {
    samples.sort_unstable();
    samples[samples.len() / 2]
}

/// A package on disk.
struct Program {
    style: Style,
    services: usize,
    folder: PathBuf,
}

impl Program {
    fn write(style: Style, services: usize) -> Result<Self> {
        let folder = Path::new(FOLDER).join(format!("{}-{services}", style.name()));
        fs::create_dir_all(folder.join("src"))?;
        let manifest = format!(
            "[workspace]\n\n[package]\nname = \"program\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[dependencies]\n{}",
            style.dependencies(LIFECYCLE)
        );
        fs::write(folder.join("Cargo.toml"), manifest)?;
        // The versions that the other measurements compare with.
        fs::copy(LOCK, folder.join("Cargo.lock"))?;
        let program = Self {
            style,
            services,
            folder,
        };
        program.edit(1)?;
        program.cargo(&["fetch", "--quiet"])?;
        Ok(program)
    }

    fn edit(&self, edit: usize) -> Result {
        let text = self.style.program(self.services, edit);
        Ok(fs::write(self.folder.join("src/main.rs"), text)?)
    }

    fn measure(&self) -> Result<[Duration; COLUMNS.len()]> {
        let [debug, release] = [
            &["build", "--quiet"][..],
            &["build", "--quiet", "--release"],
        ];
        let target = self.folder.join("target");
        if target.exists() {
            fs::remove_dir_all(target)?;
        }
        self.edit(1)?;
        let clean_debug = self.cargo(debug)?;
        let clean_release = self.cargo(release)?;
        self.edit(2)?;
        Ok([
            clean_debug,
            self.cargo(debug)?,
            clean_release,
            self.cargo(release)?,
        ])
    }

    /// Runs cargo in the program's folder; how long it took.
    fn cargo(&self, args: &[&str]) -> Result<Duration> {
        let begun = Instant::now();
        let status = Command::new("cargo")
            .args(args)
            .current_dir(&self.folder)
            .env_remove("CARGO_TARGET_DIR")
            .stdout(Stdio::null())
            .status()?;
        if !status.success() {
            return Err(format!("{}: cargo {args:?}: {status}", self.style.name()).into());
        }
        Ok(begun.elapsed())
    }

    /// How many crates are built for it, itself apart.
    fn crates(&self) -> Result<usize> {
        let tree = Command::new("cargo")
            .args([
                "tree",
                "--edges",
                "normal,build",
                "--prefix",
                "none",
                "--no-dedupe",
            ])
            .current_dir(&self.folder)
            .output()?;
        let mut crates: Vec<_> = str::from_utf8(&tree.stdout)?.lines().collect();
        crates.sort_unstable();
        crates.dedup();
        Ok(crates.len() - 1)
    }

    fn stripped(&self) -> Result<u64> {
        let program = self.folder.join("target/release/program");
        let stripped = self.folder.join("target/stripped");
        let status = Command::new("strip")
            .arg(program)
            .arg("-o")
            .arg(&stripped)
            .status()?;
        if !status.success() {
            return Err(format!("strip: {status}").into());
        }
        Ok(fs::metadata(stripped)?.len())
    }
}
