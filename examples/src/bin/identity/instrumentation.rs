//! `instrumentation`: an OpenTelemetry tracer provider that writes spans to a file, one JSON object a line.
//!
//! Anybody's requests make spans, so their number is bounded at both ends: in memory by the provider's queue, which drops
//! what it has no room for, and on the disk by two files of a limited size.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Mutex as Lock, PoisonError},
    time::Duration,
};

use lifecycle::{Context, Idle, Result, service};
use opentelemetry::global;
use opentelemetry_sdk::{
    error::{OTelSdkError, OTelSdkResult},
    trace::{BatchConfigBuilder, BatchSpanProcessor, SdkTracerProvider, SpanData, SpanExporter},
};
use serde::Serialize;
use tokio::{sync::Mutex, task::spawn_blocking, time::Instant};

use crate::{config, private};

/// How many spans wait in memory for the exporter; what comes on top of them is dropped.
const QUEUE: usize = 2048;

/// Starts first and stops last, so that no other service records a span in vain.
#[service(idle)]
pub struct Instrumentation {
    file: PathBuf,
    max_bytes: u64,
    provider: Mutex<Option<SdkTracerProvider>>,
}

impl Instrumentation {
    pub fn new(file: PathBuf, cfg: &config::Spans) -> Self {
        Self {
            file,
            max_bytes: cfg.max_bytes.get(),
            provider: Mutex::default(),
        }
    }
}

impl Idle for Instrumentation {
    async fn startup(&self, _: &Context) -> Result {
        let exporter = JsonLines::append_to(&self.file, self.max_bytes)
            .map_err(|error| format!("can't write {}: {error}", self.file.display()))?;
        let queue = BatchConfigBuilder::default().with_max_queue_size(QUEUE);
        let processor = BatchSpanProcessor::builder(exporter)
            .with_batch_config(queue.build())
            .build();
        let provider = SdkTracerProvider::builder()
            .with_span_processor(processor)
            .build();
        global::set_tracer_provider(provider.clone());
        *self.provider.lock().await = Some(provider);
        Ok(())
    }

    /// Writes the spans that still wait in memory.
    async fn drain(&self, cx: &Context) -> Result {
        let Some(provider) = self.provider.lock().await.take() else {
            return Ok(());
        };
        let limit = cx.deadline().map_or(Duration::from_secs(5), |deadline| {
            // A little less than there is: the provider's own error says more than being dropped.
            deadline
                .saturating_duration_since(Instant::now())
                .mul_f64(0.9)
        });
        // The provider blocks its caller until its thread has written.
        spawn_blocking(move || provider.shutdown_with_timeout(limit)).await??;
        Ok(())
    }
}

/// The exporter: the provider's own thread calls it with what has gathered.
#[derive(Debug)]
struct JsonLines(Lock<Rotated>);

/// A file that is put aside when it is full, in the place of the one that was put aside before.
#[derive(Debug)]
struct Rotated {
    path: PathBuf,
    file: File,
    max_bytes: u64,
}

#[derive(Serialize)]
struct Line<'a> {
    trace: String,
    span: String,
    name: &'a str,
    start: String,
    micros: u128,
    attributes: BTreeMap<&'a str, String>,
}

impl JsonLines {
    fn append_to(path: &Path, max_bytes: u64) -> io::Result<Self> {
        if let Some(directory) = path.parent() {
            private::folder(directory)?;
        }
        Ok(Self(Lock::new(Rotated {
            path: path.to_owned(),
            file: private::append_to(path)?,
            max_bytes,
        })))
    }

    fn write(&self, spans: &[SpanData]) -> io::Result<()> {
        let mut rotated = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut lines = Vec::new();
        for span in spans {
            serde_json::to_writer(&mut lines, &Line::from(span))?;
            lines.push(b'\n');
            // So that one batch makes a file longer by a piece of itself at most.
            if lines.len() > 16 * 1024 {
                rotated.write(&lines)?;
                lines.clear();
            }
        }
        rotated.write(&lines)
    }
}

impl Rotated {
    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        // Asked each time: another instance on the same folder may write to it too.
        let size = self.file.metadata()?.len();
        if size > 0 && size.saturating_add(lines.len() as u64) > self.max_bytes {
            let mut aside = self.path.clone().into_os_string();
            aside.push(".1");
            fs::rename(&self.path, aside)?;
            self.file = private::append_to(&self.path)?;
        }
        self.file.write_all(lines)
    }
}

impl SpanExporter for JsonLines {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.write(&batch)
            .map_err(|error| OTelSdkError::InternalFailure(error.to_string()))
    }
}

impl<'a> From<&'a SpanData> for Line<'a> {
    fn from(span: &'a SpanData) -> Self {
        Self {
            trace: span.span_context.trace_id().to_string(),
            span: span.span_context.span_id().to_string(),
            name: &span.name,
            start: humantime::format_rfc3339_micros(span.start_time).to_string(),
            micros: span
                .end_time
                .duration_since(span.start_time)
                .unwrap_or_default()
                .as_micros(),
            attributes: span
                .attributes
                .iter()
                .map(|pair| (pair.key.as_str(), pair.value.to_string()))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_files_of_a_limited_size_are_all_there_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data/spans.jsonl");
        let exporter = JsonLines::append_to(&path, 1000).unwrap();
        for number in 0..100 {
            let line = format!("{number:099}\n");
            exporter.0.lock().unwrap().write(line.as_bytes()).unwrap();
        }

        let (aside, last) = (path.with_extension("jsonl.1"), path);
        let text = fs::read_to_string(&aside).unwrap() + &fs::read_to_string(&last).unwrap();
        let numbers: Vec<usize> = text.lines().map(|line| line.parse().unwrap()).collect();
        assert!(numbers.into_iter().eq(80..100));
        assert_eq!(fs::read_dir(last.parent().unwrap()).unwrap().count(), 2);
    }
}
