//! The audit log: a file of lines, synced and closed after the last of them.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write as _},
    path::PathBuf,
    sync::{Arc, Mutex},
};

use serde::Serialize;
use tokio::task::spawn_blocking;

use super::lock;

#[derive(Clone, Serialize)]
pub struct AuditEvent {
    pub user: String,
    pub action: String,
}

pub struct AuditFile {
    path: PathBuf,
    file: Arc<Mutex<Option<File>>>,
}

impl AuditFile {
    pub fn new(path: PathBuf) -> Self {
        Self {
            path,
            file: Arc::default(),
        }
    }

    pub async fn open(&self) -> io::Result<()> {
        let (path, file) = (self.path.clone(), self.file.clone());
        spawn_blocking(move || {
            let opened = OpenOptions::new().create(true).append(true).open(path)?;
            *lock(&file) = Some(opened);
            Ok(())
        })
        .await?
    }

    pub async fn write(&self, batch: &[AuditEvent]) -> io::Result<()> {
        let mut text = Vec::new();
        for event in batch {
            serde_json::to_writer(&mut text, event)?;
            text.push(b'\n');
        }
        let file = self.file.clone();
        spawn_blocking(move || match &mut *lock(&file) {
            Some(file) => file.write_all(&text),
            None => Err(io::Error::other("the audit log is closed")),
        })
        .await?
    }

    pub async fn close(&self) -> io::Result<()> {
        let file = self.file.clone();
        spawn_blocking(move || match lock(&file).take() {
            Some(file) => file.sync_all(),
            None => Ok(()),
        })
        .await?
    }
}
