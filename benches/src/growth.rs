//! How cost grows with the number of services.
//!
//! Each point is the median of some rounds, more of them for small applications. Each round is a process of its own,
//! which runs the services on one thread. Times are processor time, so that other programs on the machine add little.
//! Each chapter is a table in Markdown on the terminal and a picture in `docs/growth`.
//!
//! ```sh
//! growth                                        # everything: some ten minutes, and 8 GiB of memory for the largest
//! growth start,order --sizes 100,1000 --rounds 3
//! ```

mod chapter;
mod picture;
mod sample;
mod series;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::env;
use std::path::Path;
use std::process::Command;

use self::chapter::Chapter;
use self::series::{Series, median};

type Result<T = (), E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/growth");

/// Applications with fewer services are measured up to five times as often.
const SMALL: usize = 10_000;

const USAGE: &str = "\
chapters: start, stop, memory, order, ticks, looking; all of them when none is named
--sizes 100,1000    how many services
--rounds 5          how often each point is measured";

/// The main function of the program.
///
/// # Errors
///
/// What is wrong with the arguments, with a measurement, or with the folder of the pictures.
pub fn main() -> Result {
    let args: Vec<String> = env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match *args {
        ["one", what, services] => sample::main(what, services.parse()?),
        _ => Plan::parse(&args)?.carry_out(),
    }
}

/// What a run measures.
struct Plan {
    chapters: Vec<&'static Chapter>,
    sizes: Vec<usize>,
    rounds: usize,
}

/// The medians of one measurement: by its name and the number of services, each figure by its name.
type Measured = BTreeMap<(&'static str, usize), BTreeMap<String, f64>>;

impl Plan {
    fn parse(args: &[&str]) -> Result<Self> {
        let mut plan = Self {
            chapters: Vec::new(),
            sizes: vec![100, 1_000, 10_000, 100_000, 1_000_000],
            rounds: 5,
        };
        let mut args = args.iter();
        while let Some(&arg) = args.next() {
            let mut value = || args.next().ok_or_else(|| format!("{arg} of what?"));
            match arg {
                "--sizes" => {
                    let sizes = value()?.split(',').map(str::parse);
                    plan.sizes = sizes.collect::<Result<_, _>>()?;
                }
                "--rounds" => plan.rounds = value()?.parse::<usize>()?.max(1),
                names => {
                    for name in names.split(',') {
                        let chapter = Chapter::named(name);
                        plan.chapters
                            .push(chapter.ok_or_else(|| format!("what is {name}?\n{USAGE}"))?);
                    }
                }
            }
        }
        if plan.chapters.is_empty() {
            plan.chapters = chapter::ALL.iter().collect();
        }
        Ok(plan)
    }

    fn carry_out(&self) -> Result {
        let mut measured = Measured::new();
        for chapter in &self.chapters {
            let series = self.series(chapter, &mut measured)?;
            println!("{}", series::table(chapter.title, chapter.unit, &series));
            let file = Path::new(FOLDER).join(format!("{}.svg", chapter.name));
            picture::draw(&file, chapter.title, chapter.unit, &series)?;
        }
        Ok(())
    }

    /// The series of a chapter. What another chapter has measured already is not measured again.
    fn series(&self, chapter: &Chapter, measured: &mut Measured) -> Result<Vec<Series>> {
        let mut all = Vec::new();
        for line in chapter.lines {
            let mut points = Vec::new();
            for &services in self.sizes.iter().filter(|&&size| size <= line.most) {
                let figures = match measured.entry((line.what, services)) {
                    Entry::Occupied(known) => known.into_mut(),
                    Entry::Vacant(place) => place.insert(self.measure(line.what, services)?),
                };
                if let Some(value) = figures.get(line.figure) {
                    points.push((services, *value));
                }
            }
            all.push(Series {
                title: line.title,
                points,
            });
        }
        Ok(all)
    }

    fn measure(&self, what: &str, services: usize) -> Result<BTreeMap<String, f64>> {
        let mut samples = BTreeMap::<String, Vec<f64>>::new();
        let rounds = self.rounds * (SMALL / services).clamp(1, 5);
        for round in 1..=rounds {
            eprint!("\r{what}, {services} services, round {round} of {rounds}\x1b[K");
            for (figure, value) in sample(what, services)? {
                samples.entry(figure).or_default().push(value);
            }
        }
        eprint!("\r\x1b[K");
        let medians = samples.into_iter();
        Ok(medians
            .map(|(figure, samples)| (figure, median(samples)))
            .collect())
    }
}

/// Takes one sample, in a process of its own.
fn sample(what: &str, services: usize) -> Result<Vec<(String, f64)>> {
    let output = Command::new(env::current_exe()?)
        .args(["one", what, &services.to_string()])
        .output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{what}, {services} services: {said}").into());
    }
    let mut figures = Vec::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let (figure, value) = line.rsplit_once(' ').ok_or("not a figure")?;
        figures.push((figure.to_owned(), value.parse()?));
    }
    Ok(figures)
}
