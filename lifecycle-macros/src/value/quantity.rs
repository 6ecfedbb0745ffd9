//! What an option measures, with the noun and the example that messages have for it.

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quantity {
    Duration,
    Count,
    /// A cron expression.
    Cron,
    /// The name of a time zone.
    Zone,
}

impl Quantity {
    pub(crate) const COUNT: u32 = 100;

    pub(crate) fn example(self) -> &'static str {
        match self {
            Self::Duration => "\"30s\"",
            Self::Count => "100",
            Self::Cron => "\"0 3 * * *\"",
            Self::Zone => "\"Europe/Berlin\"",
        }
    }

    pub(crate) fn noun(self) -> &'static str {
        match self {
            Self::Duration => "duration",
            Self::Count => "number",
            Self::Cron => "cron expression",
            Self::Zone => "time zone",
        }
    }
}
