//! Counts the instructions of a tick, of a service's life and of some more, which a busy machine does not change, and
//! compares them with those in `instructions.txt`.
//!
//! `check` fails when one has grown by more than [`guard::TOLERANCE`] per cent, `bless` keeps what was
//! counted, `show` prints it for every contender. `.ci/instructions` is the way to call it.

use std::env;
use std::fs;
use std::process::{Command, ExitCode};

use lifecycle_benches::contender::NAMES;
use lifecycle_benches::guard::{self, Change, Figures};
use lifecycle_benches::paused::{self, Counted, Size};

type Result<T = (), E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/instructions.txt");

/// Those whose figures are kept: the second is what the first is compared with.
const KEPT: [&str; 2] = ["lifecycle", "bare"];

const HEADER: &str = "\
# Instructions on x86_64 Linux, as callgrind counts them: of one tick among 100 services, and of the assembly, start and stop of
# one service among 1,000: it has nothing to do; or code of its own for the start and the stop (hooks); or that, and three others
# on average or the one before to wait for; or a drain that waits for 10 ms; or hooks, as a member of a group, which is removed
# before the next one or not; or hooks, and somebody is told of each move. Of a nested registry with one service, of a restart and
# its wait, and of the renewal of a lease whose store is in memory. `.ci/instructions bless` writes this file.
";

/// The C library picks its `memcpy` by the processor; without these the choice is the same on all of
/// them.
const PLAIN_PROCESSOR: &str = "glibc.cpu.hwcaps=-AVX,-AVX2,-AVX512F,-AVX512VL,\
    -AVX_Fast_Unaligned_Load,-ERMS,-FSRM,-SSSE3,-Fast_Unaligned_Copy";

fn main() -> Result<ExitCode> {
    let args: Vec<String> = env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match *args {
        ["check"] => check(),
        ["bless"] => {
            let figures = count_all(&KEPT)?;
            fs::write(FILE, format!("{HEADER}{figures}"))?;
            print!("{figures}");
            Ok(ExitCode::SUCCESS)
        }
        ["show"] => {
            print!("{}", count_all(NAMES)?);
            Ok(ExitCode::SUCCESS)
        }
        ["run", what, contender, services, ticks] => {
            let counted = Counted::named(what).ok_or("no such workload")?;
            let size = Size {
                services: services.parse()?,
                ticks: ticks.parse()?,
            };
            println!("{}", paused::run(counted, contender, size)?);
            Ok(ExitCode::SUCCESS)
        }
        _ => Err("check, bless or show".into()),
    }
}

fn check() -> Result<ExitCode> {
    let kept = Figures::parse(&fs::read_to_string(FILE)?)?;
    let now = count_all(&KEPT)?;
    print!("{now}");
    let changes = now.changes_since(&kept);
    for change in &changes {
        println!("{change}");
    }
    if changes.iter().any(Change::is_error) {
        println!(
            "instructions grew by more than {} %; where that is worth it: .ci/instructions bless",
            guard::TOLERANCE
        );
        return Ok(ExitCode::FAILURE);
    }
    if !changes.is_empty() {
        println!("to keep what was counted: .ci/instructions bless");
    }
    Ok(ExitCode::SUCCESS)
}

fn count_all(contenders: &[&str]) -> Result<Figures> {
    let mut figures = Figures::default();
    for counted in Counted::ALL {
        for contender in contenders
            .iter()
            .filter(|name| counted.can_be_done_by(name))
        {
            let name = format!("{}, {contender}", counted.name());
            figures.add(name, count(counted, contender)?);
        }
    }
    Ok(figures)
}

/// What one more of it costs: a short run is subtracted from a long one, so that what happens once,
/// however long the run, does not count.
fn count(counted: Counted, contender: &str) -> Result<u64> {
    let (short, long) = counted.sizes();
    let (short, few) = least(counted, contender, short)?;
    let (long, many) = least(counted, contender, long)?;
    let more = long.checked_sub(short);
    let more = more.ok_or("the longer run took fewer instructions")?;
    Ok(more / (many - few))
}

/// The run that took the fewest instructions.
fn least(counted: Counted, contender: &str, size: Size) -> Result<(u64, u64)> {
    let mut least = callgrind(counted, contender, size)?;
    for _ in 1..counted.runs() {
        least = least.min(callgrind(counted, contender, size)?);
    }
    Ok(least)
}

/// How many instructions a run took, and how often what is counted has happened in it.
fn callgrind(counted: Counted, contender: &str, size: Size) -> Result<(u64, u64)> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(env::current_exe()?)
        .args([
            "run",
            counted.name(),
            contender,
            &size.services.to_string(),
            &size.ticks.to_string(),
        ])
        // Nothing of this machine's.
        .env_clear()
        .env("PATH", env::var_os("PATH").unwrap_or_default())
        .env("GLIBC_TUNABLES", PLAIN_PROCESSOR)
        .output()
        .map_err(|error| format!("valgrind can't be run: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    let done = String::from_utf8_lossy(&output.stdout).trim().parse();
    let is_plausible = |&done: &u64| done > 0 && (counted.is_random() || done == size.units());
    let done = done.ok().filter(is_plausible);
    let (true, Some(done)) = (output.status.success(), done) else {
        return Err(format!(
            "{} under {contender} did not do its work: {said}",
            counted.name()
        )
        .into());
    };
    let collected = said.lines().find_map(|line| line.split_once("Collected :"));
    let (_, number) = collected.ok_or_else(|| format!("valgrind counted nothing: {said}"))?;
    Ok((number.trim().parse()?, done))
}
