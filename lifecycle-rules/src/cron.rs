//! The text of a cron expression goes in; its fields come out, or the problem with it.
//!
//! This parser is stricter than that of the engine that finds the times, which accepts `1,,2`,
//! `*/61` or the name of a month for an hour, and it says more about what is wrong.

mod days;
mod problem;
#[cfg(test)]
mod tests;

use std::fmt;

pub use self::problem::{CronProblem, FieldItemProblem};

/// Seconds, minutes, hours, days of the month, months, weekdays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fields(pub [Vec<FieldItem>; 6]);

/// One item of the list in a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldItem {
    /// `*`, `*/15`
    Every {
        /// 1 for a plain `*`.
        step: u8,
    },
    /// `30`, `MON`
    Value(u8),
    /// `9-17`, `9-17/2`
    Range {
        /// The first value.
        from: u8,
        /// The last value, at least `from`.
        to: u8,
        /// 1 where none is written.
        step: u8,
    },
    /// `L`, a day: the last one of the month.
    Last,
    /// `LW`, a day: the last one from Monday to Friday.
    LastWorkday,
    /// `15W`, a day: the one from Monday to Friday that is nearest.
    Workday(u8),
    /// `5#2`, a weekday: its second one in the month.
    Nth {
        /// From 0 for Sunday to 7 for Sunday again.
        weekday: u8,
        /// From 1 to 5.
        nth: u8,
    },
    /// `5L`, a weekday: its last one in the month.
    LastOf(u8),
}

/// A field and the values that it takes.
#[derive(Debug, PartialEq, Eq)]
pub struct Field {
    /// In a message: `second`, `weekday`.
    pub name: &'static str,
    /// Its smallest number.
    pub least: u8,
    /// Its largest number.
    pub most: u8,
    /// Names for its numbers, from `least` on.
    names: &'static [&'static str],
    /// What else it takes, for a help.
    also: &'static str,
}

const MONTHS: &[&str] = &[
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
];
const WEEKDAYS: &[&str] = &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
const SUNDAY_AGAIN: u8 = 7;

/// The longest expression that is read, in bytes: expressions may come from outside the program.
const LONGEST: usize = 300;
/// The most times of day that may be written out: the engine searches for each on its own.
const MOST_TIMES: usize = 100;

const FIELDS: [Field; 6] = [
    Field::new("second", 0, 59, "`*`, a range `0-29`, a step `*/15`"),
    Field::new("minute", 0, 59, "`*`, a range `0-29`, a step `*/15`"),
    Field::new("hour", 0, 23, "`*`, a range `9-17`, a step `*/6`"),
    Field::new(
        "day",
        1,
        31,
        "`*`, a range `1-7`, a step `*/2`, `L` for the last, `15W` for the nearest from Monday to Friday",
    ),
    Field {
        names: MONTHS,
        ..Field::new(
            "month",
            1,
            12,
            "`JAN`, `*`, a range `JAN-MAR`, a step `*/3`",
        )
    },
    Field {
        names: WEEKDAYS,
        ..Field::new(
            "weekday",
            0,
            7,
            "`SUN`, `*`, a range `MON-FRI`, `FRI#2` for the second Friday of a month, `FRIL` for the last",
        )
    },
];

/// Reads an expression of five or six fields.
///
/// # Errors
///
/// The first problem of it.
pub fn parse(text: &str) -> Result<Fields, CronProblem> {
    if text.len() > LONGEST {
        return Err(CronProblem::Long);
    }
    let written: Vec<&str> = text.split_whitespace().collect();
    let fields = match written.as_slice() {
        [] => return Err(CronProblem::Empty),
        [nickname] if nickname.starts_with('@') => {
            return Err(CronProblem::Nickname((*nickname).to_owned()));
        }
        ["@every", ..] => return Err(CronProblem::Interval),
        [first, _, ..] if first.contains('=') => return Err(CronProblem::Zone),
        five if five.len() == 5 => &FIELDS[1..],
        six if six.len() == 6 => &FIELDS[..],
        other => return Err(CronProblem::Count(other.len())),
    };
    let items = fields
        .iter()
        .zip(&written)
        .map(|(field, text)| field.parse(text));
    let mut items = items.collect::<Result<Vec<_>, _>>()?;
    if items.len() == 5 {
        items.insert(0, vec![FieldItem::Value(0)]);
    }
    let count = items.len();
    let fields = Fields(items.try_into().map_err(|_| CronProblem::Count(count))?);
    fields.check_times()?;
    fields.check_days()?;
    Ok(fields)
}

impl Field {
    const fn new(name: &'static str, least: u8, most: u8, also: &'static str) -> Self {
        Self {
            name,
            least,
            most,
            names: &[],
            also,
        }
    }

    fn parse(&'static self, text: &str) -> Result<Vec<FieldItem>, CronProblem> {
        let items = text.split(',').map(|item| {
            let parsed = self.parse_item(&item.to_ascii_uppercase());
            parsed.map_err(|fault| CronProblem::FieldItem {
                field: self,
                item: item.to_owned(),
                fault,
            })
        });
        items.collect()
    }

    fn parse_item(&self, item: &str) -> Result<FieldItem, FieldItemProblem> {
        if item == "?" {
            return Err(FieldItemProblem::Instead("*".to_owned()));
        }
        if let Some((base, step)) = item.split_once('/') {
            return self.parse_stepped(base, step);
        }
        match self.parse_special(item) {
            Some(special) => special,
            None => self.parse_base(item),
        }
    }

    fn parse_stepped(&self, base: &str, step: &str) -> Result<FieldItem, FieldItemProblem> {
        let most = self.most - self.least;
        let step = match parse_number(step) {
            Some(step) if (1..=most).contains(&step) => step,
            Some(_) => return Err(FieldItemProblem::Step { most }),
            None => return Err(FieldItemProblem::Malformed),
        };
        if base.is_empty() {
            return Err(FieldItemProblem::Instead(format!("*/{step}")));
        }
        match self.parse_base(base)? {
            FieldItem::Every { .. } => Ok(FieldItem::Every { step }),
            FieldItem::Range { from, to, .. } => Ok(FieldItem::Range { from, to, step }),
            _ => Err(FieldItemProblem::Instead(format!(
                "{base}-{}/{step}",
                self.most
            ))),
        }
    }

    fn parse_base(&self, item: &str) -> Result<FieldItem, FieldItemProblem> {
        if item == "*" {
            return Ok(FieldItem::Every { step: 1 });
        }
        let Some((from, to)) = item.split_once('-') else {
            return self.parse_value(item).map(FieldItem::Value);
        };
        let from = self.parse_value(from)?;
        let to = match self.parse_value(to)? {
            // Sunday as the end of a week.
            0 if self.most == SUNDAY_AGAIN && from > 0 => SUNDAY_AGAIN,
            to => to,
        };
        if from > to {
            let (least, most) = (self.least, self.most);
            return Err(FieldItemProblem::Instead(format!(
                "{from}-{most},{least}-{to}"
            )));
        }
        Ok(FieldItem::Range { from, to, step: 1 })
    }

    /// Parses the items that only days or only weekdays take.
    fn parse_special(&self, item: &str) -> Option<Result<FieldItem, FieldItemProblem>> {
        let parse = |text, of: fn(u8) -> FieldItem| Some(self.parse_value(text).map(of));
        match self.name {
            "day" => match item {
                "L" => Some(Ok(FieldItem::Last)),
                "LW" => Some(Ok(FieldItem::LastWorkday)),
                _ => parse(item.strip_suffix('W')?, FieldItem::Workday),
            },
            "weekday" => {
                match item.split_once('#') {
                    Some((weekday, nth)) => Some(self.parse_value(weekday).and_then(|weekday| {
                        match parse_number(nth) {
                            Some(nth @ 1..=5) => Ok(FieldItem::Nth { weekday, nth }),
                            Some(_) => Err(FieldItemProblem::Nth),
                            None => Err(FieldItemProblem::Malformed),
                        }
                    })),
                    None => parse(item.strip_suffix('L')?, FieldItem::LastOf),
                }
            }
            _ => None,
        }
    }

    fn parse_value(&self, text: &str) -> Result<u8, FieldItemProblem> {
        let name = (self.least..)
            .zip(self.names)
            .find(|(_, name)| **name == text);
        if let Some((value, _)) = name {
            return Ok(value);
        }
        match parse_number(text) {
            Some(value) if (self.least..=self.most).contains(&value) => Ok(value),
            Some(_) => Err(FieldItemProblem::OutOfRange),
            None => Err(FieldItemProblem::Malformed),
        }
    }
}

impl Fields {
    /// The times of day, where each is written out: a list of hours, one of minutes and one of seconds.
    #[must_use]
    pub fn times_of_day(&self) -> Option<usize> {
        let times = &self.0[..3];
        let is_value = |item: &FieldItem| matches!(item, FieldItem::Value(_));
        let are_written_out = times.iter().flatten().all(is_value);
        are_written_out.then(|| times.iter().map(|items| distinct(items).len()).product())
    }

    fn check_times(&self) -> Result<(), CronProblem> {
        match self.times_of_day() {
            Some(count) if count > MOST_TIMES => Err(CronProblem::Times(count)),
            _ => Ok(()),
        }
    }

    /// Whether a date has to fit both day and weekday: where one of them begins with a `*`, or has one in
    /// its list.
    #[must_use]
    pub fn needs_both(&self) -> bool {
        let [.., days, _, weekdays] = &self.0;
        let is_star = |items: &[FieldItem]| {
            matches!(items.first(), Some(FieldItem::Every { .. }))
                || items.contains(&FieldItem::Every { step: 1 })
        };
        is_star(days) || is_star(weekdays)
    }

    /// `0 0 30 2 *` names a day that never comes.
    fn check_days(&self) -> Result<(), CronProblem> {
        let [.., days, months, weekdays] = &self.0;
        if !self.needs_both() {
            return Ok(());
        }
        if !weekdays.contains(&FieldItem::Every { step: 1 }) {
            return if days::come(days, months, weekdays) {
                Ok(())
            } else {
                Err(CronProblem::NeverBoth)
            };
        }
        let longest = (1..=12).filter(|month| months.iter().any(|item| item.holds(*month)));
        let longest = longest.map(longest_month).max().unwrap_or_default();
        let first = days.iter().map(|item| item.least()).min();
        match first {
            Some(day) if day > longest => Err(CronProblem::Never { day, longest }),
            _ => Ok(()),
        }
    }
}

impl FieldItem {
    /// Whether a month is among these.
    #[must_use]
    pub fn holds(self, month: u8) -> bool {
        match self {
            Self::Every { step } => (month - 1) % step == 0,
            Self::Value(value) => month == value,
            Self::Range { from, to, step } => {
                (from..=to).contains(&month) && (month - from) % step == 0
            }
            _ => false,
        }
    }

    /// The first day that this item can name.
    fn least(self) -> u8 {
        match self {
            Self::Value(day) | Self::Workday(day) | Self::Range { from: day, .. } => day,
            _ => 1,
        }
    }
}

/// Each item once.
#[must_use]
pub fn distinct(items: &[FieldItem]) -> Vec<FieldItem> {
    let mut all = Vec::new();
    for item in items {
        if !all.contains(item) {
            all.push(*item);
        }
    }
    all
}

/// In the notation of the engine.
impl fmt::Display for FieldItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Every { step: 1 } => f.write_str("*"),
            Self::Every { step } => write!(f, "*/{step}"),
            Self::Value(value) => write!(f, "{value}"),
            Self::Range { from, to, step: 1 } => write!(f, "{from}-{to}"),
            Self::Range { from, to, step } => write!(f, "{from}-{to}/{step}"),
            Self::Last => f.write_str("L"),
            Self::LastWorkday => f.write_str("LW"),
            Self::Workday(day) => write!(f, "{day}W"),
            Self::Nth { weekday, nth } => write!(f, "{weekday}#{nth}"),
            Self::LastOf(weekday) => write!(f, "{weekday}#L"),
        }
    }
}

/// A number that is too large for a byte is too large for any field.
fn parse_number(text: &str) -> Option<u8> {
    let is_number = !text.is_empty() && text.chars().all(|digit| digit.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(u8::MAX))
}

/// The most days that the month can have.
fn longest_month(month: u8) -> u8 {
    match month {
        2 => 29,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}
