//! The comparison: runs the measurements, each contender in turn and all of them so many times over, and
//! prints what they came to.

mod column;
mod plan;
mod table;

use std::collections::BTreeMap;
use std::process::Command;

use self::column::Column;
use self::plan::Plan;
use self::table::Table;

/// The programs that take one measurement each.
#[derive(Clone, Copy, Debug)]
pub struct Programs {
    /// The one that takes the time.
    pub timed: &'static str,
    /// The one that counts allocations.
    pub counted: &'static str,
}

type Result<T = (), E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

/// Every sample of each figure, in the order of the rounds.
type Samples = BTreeMap<String, Vec<f64>>;

/// The main function of the comparison.
///
/// # Errors
///
/// What is wrong with the arguments, or with a measurement.
pub fn main(programs: Programs) -> Result {
    let plan = Plan::parse(std::env::args().skip(1))?;
    for section in &plan.sections {
        println!("## {}\n", section.title());
        for case in plan.cases(*section) {
            let rows = measure(programs, &plan, &case)?;
            let table = Table::new(&case, &rows);
            println!("{table}");
        }
    }
    Ok(())
}

/// One table: the same measurement of everybody who can take part.
#[derive(Clone, Debug)]
struct Case {
    /// What the measuring programs call it.
    what: &'static str,
    title: String,
    services: usize,
    seconds: u64,
    contenders: Vec<&'static str>,
    columns: &'static [Column],
}

fn measure(programs: Programs, plan: &Plan, case: &Case) -> Result<Vec<(&'static str, Samples)>> {
    let mut rows: Vec<_> = case
        .contenders
        .iter()
        .map(|name| (*name, Samples::new()))
        .collect();
    let (counted, timed) = case
        .columns
        .iter()
        .partition::<Vec<_>, _>(|column| column.is_counted);
    for round in 1..=plan.rounds {
        for (contender, samples) in &mut rows {
            eprint!(
                "\r{}, {contender}, round {round} of {}\x1b[K",
                case.title, plan.rounds
            );
            take_sample(programs.timed, case, contender, &timed, samples)?;
            if !counted.is_empty() {
                take_sample(programs.counted, case, contender, &counted, samples)?;
            }
        }
    }
    eprint!("\r\x1b[K");
    Ok(rows)
}

fn take_sample(
    program: &str,
    case: &Case,
    contender: &str,
    columns: &[&Column],
    samples: &mut Samples,
) -> Result {
    let output = Command::new(program)
        .args([
            case.what,
            contender,
            &case.services.to_string(),
            &case.seconds.to_string(),
        ])
        .output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{}, {contender}: {said}", case.title).into());
    }
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let Some((figure, value)) = line.rsplit_once(' ') else {
            continue;
        };
        if columns.iter().any(|column| column.figure == figure) {
            samples
                .entry(figure.to_owned())
                .or_default()
                .push(value.parse()?);
        }
    }
    Ok(())
}
