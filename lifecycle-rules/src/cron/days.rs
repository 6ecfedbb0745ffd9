//! Whether any date fits the day, the month and the weekday of an expression.
//!
//! A year begins on one of seven weekdays and is a leap year or not. Each of these fourteen years
//! comes.

use super::{FieldItem, longest_month};

/// A date, as far as it matters: weekdays from 0, which is Sunday.
#[derive(Clone, Copy)]
struct Date {
    day: u8,
    weekday: u8,
    /// How long its month is.
    length: u8,
}

/// Whether a date fits all three.
pub(super) fn come(days: &[FieldItem], months: &[FieldItem], weekdays: &[FieldItem]) -> bool {
    let fits = |date: Date| {
        days.iter().any(|item| date.is_day(*item))
            && weekdays.iter().any(|item| date.is_weekday(*item))
    };
    let is_named = |month: u8| months.iter().any(|item| item.holds(month));
    [true, false].iter().any(|is_leap| {
        (0..7).any(|first| {
            let mut weekday = first;
            (1..=12).any(|month| {
                let length = longest_month(month) - u8::from(month == 2 && !is_leap);
                let begins = weekday;
                weekday = (weekday + length) % 7;
                is_named(month)
                    && (1..=length).any(|day| {
                        let weekday = (begins + day - 1) % 7;
                        fits(Date {
                            day,
                            weekday,
                            length,
                        })
                    })
            })
        })
    })
}

impl Date {
    fn is_workday(self) -> bool {
        (1..=5).contains(&self.weekday)
    }

    fn is_day(self, item: FieldItem) -> bool {
        let Self {
            day,
            weekday,
            length,
        } = self;
        match item {
            FieldItem::Every { step } => (day - 1) % step == 0,
            FieldItem::Value(value) => day == value,
            FieldItem::Range { from, to, step } => {
                (from..=to).contains(&day) && (day - from) % step == 0
            }
            FieldItem::Last => day == length,
            FieldItem::LastWorkday => {
                self.is_workday() && (day == length || weekday == 5 && day + 2 >= length)
            }
            FieldItem::Workday(value) if value > length => false,
            FieldItem::Workday(value) => {
                let (is_friday, is_monday) = (weekday == 5, weekday == 1);
                day == value && self.is_workday()
                    || is_friday && day + 1 == value
                    || is_monday && day == value + 1
                    || is_monday && value == 1 && day == 3
                    || is_friday && value == length && day + 2 == value
            }
            FieldItem::Nth { .. } | FieldItem::LastOf(_) => false,
        }
    }

    fn is_weekday(self, item: FieldItem) -> bool {
        let Self {
            day,
            weekday,
            length,
        } = self;
        match item {
            FieldItem::Every { step } => weekday % step == 0,
            FieldItem::Value(value) => value % 7 == weekday,
            FieldItem::Range { from, to, step } => (from..=to)
                .step_by(step.into())
                .any(|value| value % 7 == weekday),
            FieldItem::Nth { weekday: of, nth } => of % 7 == weekday && (day - 1) / 7 + 1 == nth,
            FieldItem::LastOf(of) => of % 7 == weekday && day + 7 > length,
            FieldItem::Last | FieldItem::LastWorkday | FieldItem::Workday(_) => false,
        }
    }
}
