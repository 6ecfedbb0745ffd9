//! What is to be measured, as the command line says.

use super::Case;
use super::column::{Column, DRAIN, IDLE, ORDER, READS, TICKS};
use crate::contender::NAMES;
use crate::order::Order;

/// What a run does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) sections: Vec<Section>,
    contenders: Vec<&'static str>,
    sizes: Vec<usize>,
    pub(super) rounds: usize,
    seconds: u64,
}

/// A chapter of the measurements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Section {
    Idle,
    Hooks,
    Members,
    Order,
    Ticks,
    Drain,
    Reads,
}

const USAGE: &str = "\
sections: idle, hooks, members, order, ticks, drain, reads; all of them when none is named
--only bare,lifecycle    fewer contenders
--sizes 10,1000          how many services, in `idle` and `reads`
--rounds 5               how often each is measured
--seconds 5              how long the services tick";

/// How many services there are where only one number of them is measured.
const MANY: usize = 10_000;

/// How many services tick.
const TICKING: usize = 1_000;

impl Section {
    const ALL: [Self; 7] = [
        Self::Idle,
        Self::Hooks,
        Self::Members,
        Self::Order,
        Self::Ticks,
        Self::Drain,
        Self::Reads,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Hooks => "hooks",
            Self::Members => "members",
            Self::Order => "order",
            Self::Ticks => "ticks",
            Self::Drain => "drain",
            Self::Reads => "reads",
        }
    }

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Idle => "Start and stop",
            Self::Hooks => "Start and stop with code of their own",
            Self::Members => "Members of a group",
            Self::Order => "Order",
            Self::Ticks => "Ticks",
            Self::Drain => "Drain",
            Self::Reads => "Reads",
        }
    }
}

impl Plan {
    /// Reads the arguments.
    pub(super) fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Self, String> {
        let mut plan = Self {
            sections: Vec::new(),
            contenders: NAMES.to_vec(),
            sizes: vec![10, 1_000, 10_000, 100_000],
            rounds: 5,
            seconds: 5,
        };
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            let mut value = || {
                arguments
                    .next()
                    .ok_or_else(|| format!("{argument} of what?"))
            };
            match &*argument {
                // Cargo's own.
                "--bench" => {}
                "--only" => {
                    plan.contenders = value()?.split(',').map(known).collect::<Result<_, _>>()?;
                }
                "--sizes" => {
                    plan.sizes = value()?.split(',').map(number).collect::<Result<_, _>>()?;
                }
                "--rounds" => plan.rounds = number(&value()?)?,
                "--seconds" => plan.seconds = number(&value()?)? as u64,
                name => {
                    let found = Section::ALL
                        .into_iter()
                        .find(|section| section.name() == name);
                    plan.sections
                        .push(found.ok_or_else(|| format!("what is {name}?\n{USAGE}"))?);
                }
            }
        }
        if plan.sections.is_empty() {
            plan.sections = Section::ALL.to_vec();
        }
        Ok(plan)
    }

    /// The tables of a section.
    pub(super) fn cases(&self, section: Section) -> Vec<Case> {
        match section {
            Section::Idle => {
                let sizes = self.sizes.iter().copied();
                sizes
                    .map(|size| self.case("idle", "idle services", size, IDLE))
                    .collect()
            }
            Section::Hooks => {
                let title = "services with a startup and a drain";
                vec![self.case("hooks", title, MANY, IDLE)]
            }
            Section::Members => {
                let title = "members of a group with a startup and a drain";
                vec![self.among(&["lifecycle"], "members", title, MANY, IDLE)]
            }
            Section::Order => Order::ALL.map(|order| self.ordered(order)).into(),
            Section::Ticks => {
                vec![self.case("ticks", "services that tick every 10 ms", TICKING, TICKS)]
            }
            Section::Drain => {
                vec![self.case("drain", "services whose drain takes 10 ms", MANY, DRAIN)]
            }
            Section::Reads => {
                let sizes = self
                    .sizes
                    .iter()
                    .copied()
                    .filter(|&size| size == 10 || size == MANY);
                sizes
                    .map(|size| self.among(&["lifecycle"], "reads", "services", size, READS))
                    .collect()
            }
        }
    }

    fn ordered(&self, order: Order) -> Case {
        let title = match order {
            Order::Chain => "services in a chain",
            Order::Layers => "services in layers of 100, each after all of the layer before",
            Order::Random => "services, each after three others on average",
        };
        self.among(&["bare", "lifecycle"], order.name(), title, MANY, ORDER)
    }

    fn case(
        &self,
        what: &'static str,
        title: &str,
        services: usize,
        columns: &'static [Column],
    ) -> Case {
        self.among(NAMES, what, title, services, columns)
    }

    fn among(
        &self,
        able: &[&'static str],
        what: &'static str,
        title: &str,
        services: usize,
        columns: &'static [Column],
    ) -> Case {
        let wanted = self.contenders.iter().copied();
        Case {
            what,
            title: format!("{} {title}", grouped(services)),
            services,
            seconds: self.seconds,
            contenders: wanted.filter(|name| able.contains(name)).collect(),
            columns,
        }
    }
}

fn known(name: &str) -> Result<&'static str, String> {
    let found = NAMES.iter().find(|known| **known == name);
    found
        .copied()
        .ok_or_else(|| format!("nobody is called {name}: {}", NAMES.join(", ")))
}

fn number(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err(format!("{text} is not a number above zero")),
    }
}

/// `100000` as `100,000`.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let groups = digits.as_bytes().rchunks(3).rev();
    let groups: Vec<_> = groups.map(|group| String::from_utf8_lossy(group)).collect();
    groups.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Plan, String> {
        Plan::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn nothing_said_is_everything() {
        let plan = parse("--bench").unwrap();
        assert_eq!(plan.sections, Section::ALL);
        assert_eq!(plan.contenders, NAMES);
        assert_eq!(plan.rounds, 5);
        let titles = Section::ALL.map(|section| plan.cases(section).len());
        assert_eq!(titles, [4, 1, 1, 3, 1, 1, 2]);
    }

    #[test]
    fn a_section_and_its_contenders_can_be_picked() {
        let plan = parse("idle --only lifecycle,bare --sizes 10,1000 --rounds 9").unwrap();
        assert_eq!(plan.rounds, 9);
        let cases = plan.cases(plan.sections[0]);
        assert_eq!(cases.len(), 2);
        assert_eq!(cases[1].title, "1,000 idle services");
        assert_eq!(cases[1].contenders, ["lifecycle", "bare"]);
    }

    #[test]
    fn who_cannot_take_part_is_left_out() {
        let plan = parse("reads --only bare,lifecycle").unwrap();
        assert_eq!(plan.cases(Section::Reads)[0].contenders, ["lifecycle"]);
    }

    #[test]
    fn what_is_not_understood_is_said() {
        assert!(parse("idel").unwrap_err().starts_with("what is idel?"));
        assert!(
            parse("--only nobody")
                .unwrap_err()
                .starts_with("nobody is called nobody: bare, lifecycle")
        );
        assert_eq!(parse("--rounds"), Err("--rounds of what?".to_owned()));
        assert_eq!(
            parse("--rounds 0"),
            Err("0 is not a number above zero".to_owned())
        );
        assert_eq!(
            parse("--sizes 10,x"),
            Err("x is not a number above zero".to_owned())
        );
    }

    #[test]
    fn numbers_are_grouped_by_thousands() {
        assert_eq!(
            [10, 999, 1_000, 100_000, 1_234_567].map(grouped),
            ["10", "999", "1,000", "100,000", "1,234,567"]
        );
    }
}
