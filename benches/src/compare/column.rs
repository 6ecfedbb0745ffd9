//! The figures of each table: where they come from and how they read.

/// A column of a table.
#[derive(Debug)]
pub(super) struct Column {
    pub(super) title: &'static str,
    /// What the measuring program calls it.
    pub(super) figure: &'static str,
    pub(super) unit: Unit,
    /// Whether it is shown as a ratio too.
    pub(super) is_compared: bool,
    /// Whether it comes from the program that counts allocations.
    pub(super) is_counted: bool,
}

/// How a figure is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// Seconds of all services, as microseconds of each.
    MicrosEach,
    /// Seconds, as milliseconds.
    Millis,
    /// Seconds, as microseconds.
    Micros,
    /// Seconds, as nanoseconds.
    Nanos,
    /// Seconds.
    Seconds,
    /// So many.
    Count,
    /// Bytes.
    Bytes,
    /// Bytes, as mebibytes.
    Mebibytes,
    /// A part of one, as per cent.
    Percent,
}

pub(super) const IDLE: &[Column] = &[
    time("assembly, each", "assembly", Unit::MicrosEach),
    compared("start, each", "start", Unit::MicrosEach),
    compared("both, each", "running", Unit::MicrosEach),
    compared("stop, each", "stop", Unit::MicrosEach),
    compared("CPU of a life, each", "cpu", Unit::MicrosEach),
    counted("allocations", "allocations", Unit::Count),
    counted("of a whole life", "whole life", Unit::Count),
    counted("live bytes", "live", Unit::Bytes),
    time("peak of the process", "peak", Unit::Mebibytes),
];

pub(super) const ORDER: &[Column] = &[
    time("assembly, each", "assembly", Unit::MicrosEach),
    compared("start, each", "start", Unit::MicrosEach),
    compared("both, each", "running", Unit::MicrosEach),
    compared("stop, each", "stop", Unit::MicrosEach),
    compared("CPU of a life, each", "cpu", Unit::MicrosEach),
];

pub(super) const TICKS: &[Column] = &[
    compared("CPU per million ticks", "cpu", Unit::Seconds),
    counted("allocations per tick", "per tick", Unit::Count),
    time("drift after the run", "drift", Unit::Millis),
    time("missed", "missed", Unit::Percent),
];

pub(super) const DRAIN: &[Column] = &[
    compared("stop", "stop", Unit::Millis),
    compared("CPU of a life, each", "cpu", Unit::MicrosEach),
];

pub(super) const READS: &[Column] = &[
    time("is_healthy()", "healthy", Unit::Nanos),
    time("on four threads at once", "healthy together", Unit::Nanos),
    time("states()", "states", Unit::Micros),
    time("start and stop, each", "unseen", Unit::MicrosEach),
    time("with a subscriber", "seen", Unit::MicrosEach),
];

const fn time(title: &'static str, figure: &'static str, unit: Unit) -> Column {
    Column {
        title,
        figure,
        unit,
        is_compared: false,
        is_counted: false,
    }
}

const fn compared(title: &'static str, figure: &'static str, unit: Unit) -> Column {
    Column {
        title,
        figure,
        unit,
        is_compared: true,
        is_counted: false,
    }
}

const fn counted(title: &'static str, figure: &'static str, unit: Unit) -> Column {
    Column {
        title,
        figure,
        unit,
        is_compared: false,
        is_counted: true,
    }
}

impl Unit {
    /// The value as it is read, of an application of so many services.
    pub(super) fn show(self, value: f64, services: usize) -> String {
        match self {
            Self::MicrosEach => format!("{:.2} µs", value * 1e6 / services as f64),
            Self::Millis => format!("{:.1} ms", value * 1e3),
            Self::Micros => format!("{:.1} µs", value * 1e6),
            Self::Nanos => format!("{:.1} ns", value * 1e9),
            Self::Seconds => format!("{value:.2} s"),
            Self::Count => format!("{value:.1}"),
            Self::Bytes => format!("{value:.0}"),
            Self::Mebibytes => format!("{:.1} MiB", value / 1024.0 / 1024.0),
            Self::Percent => format!("{:.1} %", value * 100.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Unit::{self, *};

    #[test]
    fn values_read_in_their_units() {
        let shown = |unit: Unit, value| unit.show(value, 10_000);
        assert_eq!(shown(MicrosEach, 0.0125), "1.25 µs");
        assert_eq!(shown(Millis, 0.0174), "17.4 ms");
        assert_eq!(shown(Nanos, 4.2e-9), "4.2 ns");
        assert_eq!(shown(Count, 2.003), "2.0");
        assert_eq!(shown(Mebibytes, 1_572_864.0), "1.5 MiB");
        assert_eq!(shown(Percent, 0.021), "2.1 %");
    }
}
