//! Spans and counters. Spans are written by a thread of their own, as the batch processors of telemetry libraries do;
//! counters are written once, at the end.

use std::{
    collections::BTreeMap,
    fs::{File, OpenOptions},
    io::{self, BufWriter, Write as _},
    iter,
    path::PathBuf,
    sync::{
        Mutex,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::{self, JoinHandle},
};

use serde_json::json;
use tokio::task::spawn_blocking;

use super::{lock, now};

/// How many spans wait for the exporter; what comes on top of them is dropped.
const QUEUE: usize = 2048;

pub struct Telemetry {
    folder: PathBuf,
    exporter: Mutex<Option<Exporter>>,
    counters: Mutex<BTreeMap<String, u64>>,
}

struct Exporter {
    spans: SyncSender<String>,
    thread: JoinHandle<io::Result<()>>,
}

impl Telemetry {
    pub fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            exporter: Mutex::default(),
            counters: Mutex::default(),
        }
    }

    pub fn span(&self, name: &str) {
        if let Some(exporter) = &*lock(&self.exporter) {
            let span = json!({ "name": name, "end": now().as_secs_f64() });
            // No room, or a file that can't be written: the request goes on without its span.
            let _ = exporter.spans.try_send(span.to_string());
        }
    }

    pub fn count(&self, name: &str) {
        *lock(&self.counters).entry(name.to_owned()).or_default() += 1;
    }

    /// Makes sure that both files can be written, and begins to write spans.
    pub async fn open(&self) -> io::Result<()> {
        append(self.folder.join("metrics.jsonl"), String::new()).await?;
        let path = self.folder.join("traces.jsonl");
        let file = spawn_blocking(move || OpenOptions::new().create(true).append(true).open(path));
        let file = file.await??;
        let (spans, queue) = sync_channel(QUEUE);
        let thread = thread::Builder::new().name("spans".into());
        let thread = thread.spawn(move || export(&queue, file))?;
        *lock(&self.exporter) = Some(Exporter { spans, thread });
        Ok(())
    }

    /// Ends the exporter, once it has written what waits.
    pub async fn export_spans(&self) -> io::Result<()> {
        let Some(Exporter { spans, thread }) = lock(&self.exporter).take() else {
            return Ok(());
        };
        drop(spans);
        let ended = spawn_blocking(|| thread.join()).await?;
        ended.map_err(|_| io::Error::other("the exporter of spans has panicked"))?
    }

    pub async fn export_metrics(&self) -> io::Result<()> {
        let line = json!(*lock(&self.counters)).to_string() + "\n";
        append(self.folder.join("metrics.jsonl"), line).await
    }
}

fn export(queue: &Receiver<String>, file: File) -> io::Result<()> {
    let mut file = BufWriter::new(file);
    while let Ok(first) = queue.recv() {
        for span in iter::once(first).chain(queue.try_iter()) {
            writeln!(file, "{span}")?;
        }
        file.flush()?;
    }
    Ok(())
}

/// Appends to a file, on a thread that may wait for the disk.
pub async fn append(path: PathBuf, text: String) -> io::Result<()> {
    spawn_blocking(move || {
        let mut file = OpenOptions::new().create(true).append(true).open(path)?;
        file.write_all(text.as_bytes())
    })
    .await?
}
