//! Spans and counters, kept in memory and exported to two files.

use std::{
    collections::BTreeMap,
    fs::OpenOptions,
    io::{self, Write as _},
    mem,
    path::PathBuf,
    sync::Mutex,
};

use serde_json::json;
use tokio::task::spawn_blocking;

use super::{lock, now};

pub struct Telemetry {
    folder: PathBuf,
    spans: Mutex<Vec<String>>,
    counters: Mutex<BTreeMap<String, u64>>,
}

impl Telemetry {
    pub fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            spans: Mutex::default(),
            counters: Mutex::default(),
        }
    }

    pub fn span(&self, name: &str) {
        let span = json!({ "name": name, "end": now().as_secs_f64() });
        lock(&self.spans).push(span.to_string());
    }

    pub fn count(&self, name: &str) {
        *lock(&self.counters).entry(name.to_owned()).or_default() += 1;
    }

    /// Makes sure that both files can be written.
    pub async fn open(&self) -> io::Result<()> {
        append(self.folder.join("traces.jsonl"), String::new()).await?;
        append(self.folder.join("metrics.jsonl"), String::new()).await
    }

    pub async fn export_spans(&self) -> io::Result<()> {
        let lines: Vec<_> = mem::take(&mut *lock(&self.spans));
        let text = lines.into_iter().map(|line| line + "\n").collect();
        append(self.folder.join("traces.jsonl"), text).await
    }

    pub async fn export_metrics(&self) -> io::Result<()> {
        let line = json!(*lock(&self.counters)).to_string() + "\n";
        append(self.folder.join("metrics.jsonl"), line).await
    }
}

/// Appends to a file, on a thread that may wait for the disk.
pub async fn append(path: PathBuf, text: String) -> io::Result<()> {
    spawn_blocking(move || {
        let mut file = OpenOptions::new().create(true).append(true).open(path)?;
        file.write_all(text.as_bytes())
    })
    .await?
}
