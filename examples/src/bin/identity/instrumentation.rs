//! `instrumentation`: an OpenTelemetry tracer provider that writes spans to a file, one JSON object a line.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use lifecycle::{Context, Idle, Result, service};
use opentelemetry::global;
use opentelemetry_sdk::{
    error::{OTelSdkError, OTelSdkResult},
    trace::{SdkTracerProvider, SpanData, SpanExporter},
};
use serde::Serialize;
use tokio::{sync::Mutex, task::spawn_blocking, time::Instant};

/// Starts first and stops last, so that no other service records a span in vain.
#[service(idle)]
pub struct Instrumentation {
    file: PathBuf,
    provider: Mutex<Option<SdkTracerProvider>>,
}

impl Instrumentation {
    pub fn new(file: PathBuf) -> Self {
        Self {
            file,
            provider: Mutex::default(),
        }
    }
}

impl Idle for Instrumentation {
    async fn startup(&self, _: &Context) -> Result {
        let exporter = JsonLines::append_to(&self.file)
            .map_err(|error| format!("can't write {}: {error}", self.file.display()))?;
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
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
struct JsonLines(File);

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
    fn append_to(path: &Path) -> io::Result<Self> {
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory)?;
        }
        Ok(Self(File::options().create(true).append(true).open(path)?))
    }

    fn write(&self, spans: &[SpanData]) -> io::Result<()> {
        let mut out = BufWriter::new(&self.0);
        for span in spans {
            serde_json::to_writer(&mut out, &Line::from(span))?;
            out.write_all(b"\n")?;
        }
        out.flush()
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
