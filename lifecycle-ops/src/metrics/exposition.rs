//! The two text formats of Prometheus.

use std::fmt::Write;

use super::family::{Family, Kind};
use super::{Buckets, Labels, Sink, Value};

/// Prometheus text 0.0.4, or `OpenMetrics` 1.0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Prometheus,
    OpenMetrics,
}

pub(crate) struct Exposition {
    text: String,
    format: Format,
}

impl Format {
    /// What the client likes best of the two, as its `Accept` says. Without a word it is the older one.
    pub(crate) fn of<'a>(accepted: impl Iterator<Item = &'a str>) -> Self {
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

    pub(crate) fn media(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

impl Exposition {
    pub(crate) fn new(format: Format, services: usize) -> Self {
        Self {
            text: String::with_capacity(2048 + services * 1024),
            format,
        }
    }

    pub(crate) fn finish(mut self) -> String {
        if self.format == Format::OpenMetrics {
            self.text.push_str("# EOF\n");
        }
        self.text
    }

    fn labels(&mut self, labels: Labels<'_>) {
        let service = labels.service.map(|name| ("service", name));
        let mut before = '{';
        for (key, value) in service.into_iter().chain(labels.other) {
            self.text.push(before);
            self.text.push_str(key);
            self.text.push_str("=\"");
            self.value(value);
            self.text.push('"');
            before = ',';
        }
        if before == ',' {
            self.text.push('}');
        }
    }

    /// As the value of a label.
    fn value(&mut self, value: &str) {
        let needs_escape = |byte: u8| matches!(byte, b'\\' | b'"' | b'\n');
        if !value.bytes().any(needs_escape) {
            return self.text.push_str(value);
        }
        for char in value.chars() {
            match char {
                '\\' => self.text.push_str("\\\\"),
                '"' => self.text.push_str("\\\""),
                '\n' => self.text.push_str("\\n"),
                _ => self.text.push(char),
            }
        }
    }

    fn line(&mut self, name: &str, suffix: &str, labels: Labels<'_>, value: Value) {
        self.text.push_str(name);
        self.text.push_str(suffix);
        self.labels(labels);
        // Writing to a `String` does not fail.
        let _ = match value {
            Value::Count(count) => writeln!(self.text, " {count}"),
            Value::Real(real) => writeln!(self.text, " {real}"),
        };
    }
}

impl Sink for Exposition {
    /// The lines before the samples of a family. `OpenMetrics` names the family there, the older format the
    /// samples.
    fn begin(&mut self, family: &'static Family) {
        let Family { name, kind, help } = family;
        let (suffix, word) = match (self.format, kind) {
            (_, Kind::Gauge) => ("", "gauge"),
            (_, Kind::Histogram) => ("", "histogram"),
            (Format::OpenMetrics, Kind::Counter) => ("", "counter"),
            (Format::OpenMetrics, Kind::Info) => ("", "info"),
            (Format::Prometheus, Kind::Counter) => (kind.suffix(), "counter"),
            (Format::Prometheus, Kind::Info) => (kind.suffix(), "gauge"),
        };
        // Writing to a `String` does not fail.
        let _ = writeln!(self.text, "# HELP {name}{suffix} {help}");
        let _ = writeln!(self.text, "# TYPE {name}{suffix} {word}");
    }

    fn sample(&mut self, family: &'static Family, labels: Labels<'_>, value: Value) {
        self.line(family.name, family.kind.suffix(), labels, value);
    }

    fn buckets(&mut self, family: &'static Family, service: &str, buckets: &Buckets<'_>) {
        let all = ("+Inf", buckets.count);
        for &(bound, count) in buckets.within.iter().chain([&all]) {
            let labels = Labels {
                service: Some(service),
                other: Some(("le", bound)),
            };
            self.line(family.name, "_bucket", labels, Value::Count(count));
        }
        let labels = Labels {
            service: Some(service),
            other: None,
        };
        self.line(family.name, "_sum", labels, Value::Real(buckets.sum));
        self.line(family.name, "_count", labels, Value::Count(buckets.count));
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
