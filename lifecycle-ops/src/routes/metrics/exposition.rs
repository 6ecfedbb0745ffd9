//! The two text formats of Prometheus.

use std::fmt::{Arguments, Display, Write};

/// Prometheus text 0.0.4, or `OpenMetrics` 1.0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Prometheus,
    OpenMetrics,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Gauge,
    Counter,
    Info,
}

/// Metrics of one name. Its samples stand together.
pub(super) struct Family {
    /// Without the `_total` of a counter, or the `_info` of an info.
    name: &'static str,
    kind: Kind,
    help: &'static str,
}

pub(super) struct Exposition {
    text: String,
    format: Format,
}

impl Format {
    /// What the client likes best of the two, as its `Accept` says. Without a word it is the older one.
    pub(super) fn of<'a>(accepted: impl Iterator<Item = &'a str>) -> Self {
        let (mut open, mut plain) = (0.0, 0.0);
        for media in accepted {
            let mut parts = media.split(';').map(str::trim);
            let essence = parts.next().unwrap_or_default();
            let (mut quality, mut is_known) = (1.0, true);
            for part in parts {
                match part.split_once('=') {
                    Some(("q", value)) => quality = value.parse().unwrap_or(0.0),
                    Some(("version", version)) if essence == "application/openmetrics-text" => {
                        is_known = version == "1.0.0";
                    }
                    _ => {}
                }
            }
            let best = match essence {
                "application/openmetrics-text" if is_known => &mut open,
                "text/plain" => &mut plain,
                _ => continue,
            };
            *best = f32::max(*best, quality);
        }
        if open > 0.0 && open >= plain {
            Self::OpenMetrics
        } else {
            Self::Prometheus
        }
    }

    pub(super) fn media(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

impl Kind {
    /// What the name of a sample has at its end.
    fn suffix(self) -> &'static str {
        match self {
            Self::Gauge => "",
            Self::Counter => "_total",
            Self::Info => "_info",
        }
    }
}

impl Family {
    pub(super) const fn new(name: &'static str, kind: Kind, help: &'static str) -> Self {
        Self { name, kind, help }
    }

    pub(super) const fn gauge(name: &'static str, help: &'static str) -> Self {
        Self::new(name, Kind::Gauge, help)
    }

    pub(super) const fn counter(name: &'static str, help: &'static str) -> Self {
        Self::new(name, Kind::Counter, help)
    }
}

impl Exposition {
    pub(super) fn new(format: Format, services: usize) -> Self {
        Self {
            text: String::with_capacity(2048 + services * 1024),
            format,
        }
    }

    /// The lines before the samples of a family. `OpenMetrics` names the family there, the older format the
    /// samples.
    pub(super) fn begin(&mut self, family: &Family) {
        let Family { name, kind, help } = family;
        let (suffix, word) = match (self.format, kind) {
            (_, Kind::Gauge) => ("", "gauge"),
            (Format::OpenMetrics, Kind::Counter) => ("", "counter"),
            (Format::OpenMetrics, Kind::Info) => ("", "info"),
            (Format::Prometheus, Kind::Counter) => (kind.suffix(), "counter"),
            (Format::Prometheus, Kind::Info) => (kind.suffix(), "gauge"),
        };
        // Writing to a `String` does not fail.
        let _ = writeln!(self.text, "# HELP {name}{suffix} {help}");
        let _ = writeln!(self.text, "# TYPE {name}{suffix} {word}");
    }

    pub(super) fn sample(&mut self, family: &Family, labels: Arguments<'_>, value: impl Display) {
        self.text.push_str(family.name);
        self.text.push_str(family.kind.suffix());
        let start = self.text.len();
        self.text.push('{');
        let _ = self.text.write_fmt(labels);
        if self.text.len() == start + 1 {
            self.text.truncate(start);
        } else {
            self.text.push('}');
        }
        let _ = writeln!(self.text, " {value}");
    }

    pub(super) fn finish(mut self) -> String {
        if self.format == Format::OpenMetrics {
            self.text.push_str("# EOF\n");
        }
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(accept: &str) -> Format {
        Format::of(accept.split(','))
    }

    #[test]
    fn the_format_is_the_one_the_client_likes_best() {
        let prometheus = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
                          text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        assert_eq!(of(prometheus), Format::OpenMetrics);
        assert_eq!(of("*/*"), Format::Prometheus);
        assert_eq!(of(""), Format::Prometheus);
        assert_eq!(
            of("application/openmetrics-text; version=1.0.0; q=0.2, text/plain"),
            Format::Prometheus
        );
        assert_eq!(
            of("application/openmetrics-text; version=0.0.1"),
            Format::Prometheus
        );
        assert_eq!(of("application/openmetrics-text;q=0"), Format::Prometheus);
    }
}
