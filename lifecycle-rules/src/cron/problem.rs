//! The problems of a cron expression in words.

use std::fmt::Write;

use super::{Field, LONGEST, MOST_TIMES};

/// Why a text is no cron expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CronProblem {
    /// Nothing but white space.
    Empty,
    /// Longer than an expression may be.
    Long,
    /// So many times of day are written out.
    Times(usize),
    /// So many fields.
    Count(usize),
    /// `@daily`
    Nickname(String),
    /// `@every 5m`
    Interval,
    /// `CRON_TZ=Europe/Berlin 0 3 * * *`
    Zone,
    /// One item of a field.
    FieldItem {
        /// The field that it stands in.
        field: &'static Field,
        /// As it is written.
        item: String,
        /// What is wrong with it.
        fault: FieldItemProblem,
    },
    /// No month of the expression has this day.
    Never {
        /// The first day of the expression.
        day: u8,
        /// The last day of its longest month.
        longest: u8,
    },
    /// Where a date has to fit day and weekday, none does.
    NeverBoth,
}

/// What is wrong with one item of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldItemProblem {
    /// Nothing that the field takes.
    Malformed,
    /// A number outside the field's range.
    OutOfRange,
    /// A step of 0, or one longer than the field.
    Step {
        /// The longest step that the field has room for.
        most: u8,
    },
    /// `FRI#6`
    Nth,
    /// It could be read, but this is how it is written.
    Instead(String),
}

const FIVE_OR_SIX: &str =
    "write five fields: minute, hour, day, month, weekday; or six, with the second before them";

impl CronProblem {
    /// Of the expression `text`, in one sentence.
    #[must_use]
    pub fn sentence(&self, text: &str) -> String {
        if *self == Self::Long {
            return format!("the cron expression has more than {LONGEST} characters");
        }
        let text = text.escape_debug();
        match self {
            Self::Empty | Self::Long => "the cron expression is empty".to_owned(),
            Self::Times(count) => format!(
                "the cron expression `{text}` lists {count} times of the day, more than {MOST_TIMES}"
            ),
            Self::Count(1) => format!("the cron expression `{text}` has 1 field"),
            Self::Count(count) => format!("the cron expression `{text}` has {count} fields"),
            Self::Nickname(_) => format!("the cron expression `{text}` is a nickname"),
            Self::Interval => format!("the cron expression `{text}` is an interval"),
            Self::Zone => format!("the cron expression `{text}` begins with its time zone"),
            Self::FieldItem { field, item, fault } => {
                let item = item.escape_debug();
                let mut sentence = format!("the {} `{item}` of `{text}` ", field.name);
                // Writing to a `String` never fails.
                let _ = match fault {
                    FieldItemProblem::Malformed | FieldItemProblem::Instead(_) => {
                        write!(sentence, "is not written as cron has it")
                    }
                    FieldItemProblem::OutOfRange => {
                        write!(sentence, "is not from {} to {}", field.least, field.most)
                    }
                    FieldItemProblem::Step { most } => {
                        write!(sentence, "has a step that is not from 1 to {most}")
                    }
                    FieldItemProblem::Nth => write!(sentence, "counts to what is not from 1 to 5"),
                };
                sentence
            }
            Self::NeverBoth => {
                format!("no date fits both the day and the weekday of the cron expression `{text}`")
            }
            Self::Never { day, .. } => {
                format!("no month of the cron expression `{text}` has a day {day}")
            }
        }
    }

    /// What to write instead.
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            Self::Empty | Self::Count(_) => FIVE_OR_SIX.to_owned(),
            Self::Long | Self::Times(_) => {
                "write a range `9-17` or a step `*/5` in place of a list".to_owned()
            }
            Self::NeverBoth => {
                "write another day or weekday; where neither begins with a `*`, one of them is enough"
                    .to_owned()
            }
            Self::Nickname(nickname) => match spelt_out(nickname) {
                Some(fields) => format!("write `{fields}`"),
                None => FIVE_OR_SIX.to_owned(),
            },
            Self::Interval => "write it as an `interval`".to_owned(),
            Self::Zone => "write the fields alone, and the time zone as `tz`".to_owned(),
            Self::FieldItem {
                fault: FieldItemProblem::Instead(item),
                ..
            } => format!("write `{item}`"),
            Self::FieldItem { field, .. } => {
                let Field {
                    least, most, also, ..
                } = field;
                format!("write a number from {least} to {most}, {also}, or a list of those")
            }
            Self::Never { longest, .. } => format!("write a day up to {longest}"),
        }
    }
}

fn spelt_out(nickname: &str) -> Option<&'static str> {
    match nickname.to_ascii_lowercase().as_str() {
        "@yearly" | "@annually" => Some("0 0 1 1 *"),
        "@monthly" => Some("0 0 1 * *"),
        "@weekly" => Some("0 0 * * SUN"),
        "@daily" | "@midnight" => Some("0 0 * * *"),
        "@hourly" => Some("0 * * * *"),
        _ => None,
    }
}
