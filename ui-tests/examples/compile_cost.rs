//! What the macros cost whoever compiles: `cargo check` of one program with many services, written
//! in four ways, in turns, and the median of each.
//!
//! ```sh
//! cargo run -p lifecycle-ui-tests --example compile_cost -- 1 100 1000
//! ```
//!
//! - `macros`: `#[service]` on each struct, all of them in one `registry!`;
//! - `expanded`: what those expand to, typed: the difference is the macros' own share;
//! - `by hand`: each service with a loop of its own, in an `impl Service`, assembled by the builder;
//! - `async_trait`: as many `#[async_trait]` impls with one method, and nothing else.

#![allow(clippy::print_stdout, reason = "a program for the terminal")]

use std::env;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

const TURNS: usize = 5;

struct Way {
    name: &'static str,
    head: &'static str,
    /// `@` is the number of the service.
    service: &'static str,
    before: &'static str,
    entry: &'static str,
    after: &'static str,
}

const STRUCT: &str = "pub struct Collector@ { pub every: Duration, pub cfg: Config }\n";
const HOOKS: &str = "impl Scheduled for Collector@ {
    async fn tick(&self, cx: &Context) -> Result { collect(cx.name(), self.cfg.limit).await }
    async fn drain(&self, cx: &Context) -> Result { collect(cx.name(), self.cfg.limit).await }
}\n";
const HEAD: &str = "use std::time::Duration;
use lifecycle::{Context, Registry, Result, Scheduled, Service, async_trait, registry, service};
#[derive(Clone, Copy)] pub struct Config { pub limit: usize }
pub async fn collect(_: &str, _: usize) -> Result { tokio::task::yield_now().await; Ok(()) }\n";

const WAYS: [Way; 4] = [
    Way {
        name: "macros",
        head: HEAD,
        service: "#[service(scheduled(interval = \"every\"))]\n{struct}{hooks}",
        before: "pub fn assemble(every: Duration, cfg: Config) -> Registry { registry! {\n    \"s0\" => Collector0 { every, cfg },\n",
        entry: "    \"s@\" => Collector@ { every, cfg }, after = [\"s0\"],\n",
        after: "} }\n",
    },
    Way {
        name: "expanded",
        head: HEAD,
        service: "{struct}{hooks}#[allow(deprecated, single_use_lifetimes)]
const _: () = {
    use ::lifecycle::__private as __lifecycle;
    impl __lifecycle::Declared for Collector@ { type Shape = __lifecycle::ScheduledShape; }
    #[automatically_derived]
    impl __lifecycle::ScheduledService for Collector@ {
        const PLAN: __lifecycle::Plan = __lifecycle::Plan::interval(\"every\");
        fn period(&self) -> ::core::time::Duration {
            let __interval: &::core::time::Duration = &self.every;
            *__interval
        }
    }
};\n",
        before: "pub fn assemble(every: Duration, cfg: Config) -> Registry {
    use ::lifecycle as __lifecycle;
    let mut __registry = __lifecycle::__private::assembly();
    __registry.service(\"s0\", Collector0 { every, cfg });\n",
        entry: "    __registry.service(\"s@\", Collector@ { every, cfg }).after(&[\"s0\"]);\n",
        after: "    __registry.finish()\n}\n",
    },
    Way {
        name: "by hand",
        head: HEAD,
        service: "{struct}#[async_trait]
impl Service for Collector@ {
    async fn start(&self, cx: &Context) -> Result {
        cx.ready();
        let mut ticker = tokio::time::interval(self.every);
        loop {
            tokio::select! {
                biased;
                () = cx.stop_channel() => return Ok(()),
                _ = ticker.tick() => collect(cx.name(), self.cfg.limit).await?,
            }
        }
    }
    async fn stop(&self, cx: &Context) -> Result {
        cx.exited().await;
        collect(cx.name(), self.cfg.limit).await
    }
}\n",
        before: "pub fn assemble(every: Duration, cfg: Config) -> Registry {
    let mut registry = Registry::builder();
    registry = registry.service(\"s0\", Collector0 { every, cfg });\n",
        entry: "    registry = registry.service(\"s@\", Collector@ { every, cfg }).after([\"s0\"]);\n",
        after: "    registry.build().unwrap()\n}\n",
    },
    Way {
        name: "async_trait",
        head: HEAD,
        service: "{struct}#[async_trait]
impl Tick for Collector@ {
    async fn tick(&self, cx: &Context) -> Result { collect(cx.name(), self.cfg.limit).await }
}\n",
        before: "#[async_trait] pub trait Tick { async fn tick(&self, cx: &Context) -> Result; }\n",
        entry: "",
        after: "",
    },
];

fn main() -> Outcome {
    let asked: Vec<usize> = env::args()
        .skip(1)
        .map(|count| count.parse())
        .collect::<Result<_, _>>()?;
    let counts = if asked.is_empty() {
        vec![1, 100, 1000]
    } else {
        asked
    };
    println!("median of {TURNS} turns, in seconds; in brackets the cost of a service in ms");
    for count in counts {
        measure(count)?;
    }
    Ok(())
}

fn measure(count: usize) -> Outcome {
    let crates: Vec<PathBuf> = WAYS
        .iter()
        .map(|way| write_crate(way, count))
        .collect::<Result<_, _>>()?;
    for (folder, way) in crates.iter().zip(&WAYS) {
        // Everything it depends on, and once itself.
        check(folder).map_err(|error| format!("{}: {error}", way.name))?;
    }
    let mut times = vec![Vec::new(); WAYS.len()];
    for _ in 0..TURNS {
        for (folder, times) in crates.iter().zip(&mut times) {
            times.push(check(folder)?);
        }
    }
    print!("{count:5} services:");
    let services = u32::try_from(count)?;
    let per_service = |time: Duration| time.as_secs_f64() * 1000.0 / f64::from(services);
    for (way, times) in WAYS.iter().zip(&mut times) {
        times.sort_unstable();
        let median = times[TURNS / 2];
        print!(
            "  {} {:.2} ({:.2})",
            way.name,
            median.as_secs_f64(),
            per_service(median)
        );
    }
    println!();
    Ok(())
}

fn write_crate(way: &Way, count: usize) -> Outcome<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .canonicalize()?;
    let name = format!("{}-{count}", way.name.replace(' ', "-"));
    let folder = target().join(&name);
    fs::create_dir_all(folder.join("src"))?;
    let manifest = format!(
        "[package]\nname = \"cost-{name}\"\nedition = \"2024\"\n[workspace]\n[dependencies]\nlifecycle = {{ path = \"{}\" }}\ntokio = {{ version = \"1\", features = [\"macros\", \"rt\", \"time\"] }}\n",
        root.join("lifecycle").display()
    );
    fs::write(folder.join("Cargo.toml"), manifest)?;
    fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock"))?;
    let mut program = format!("#![allow(unused)]\n{}", way.head);
    let service = way
        .service
        .replace("{struct}", STRUCT)
        .replace("{hooks}", HOOKS);
    for number in 0..count {
        program.write_str(&service.replace('@', &number.to_string()))?;
    }
    program.write_str(way.before)?;
    for number in 1..count {
        program.write_str(&way.entry.replace('@', &number.to_string()))?;
    }
    program.write_str(way.after)?;
    fs::write(folder.join("src/lib.rs"), program)?;
    Ok(folder)
}

fn target() -> PathBuf {
    env::temp_dir().join("lifecycle-compile-cost")
}

/// Checks the program anew, and nothing else.
fn check(folder: &Path) -> Outcome<Duration> {
    let source = folder.join("src/lib.rs");
    fs::write(&source, fs::read(&source)?)?;
    let start = Instant::now();
    let status = Command::new(env!("CARGO"))
        .args(["check", "--quiet", "--offline"])
        .current_dir(folder)
        .env("CARGO_INCREMENTAL", "0")
        .env("CARGO_TARGET_DIR", target().join("target"))
        .stdin(Stdio::null())
        .status()?;
    if !status.success() {
        return Err(format!("{} does not compile", folder.display()).into());
    }
    Ok(start.elapsed())
}
