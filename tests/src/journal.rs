//! What the services of a test did, in order, each with its instant on the test's clock.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::watch::millis;

/// Shared by a test and its services; clones write to the same journal.
#[derive(Clone, Debug)]
pub struct Journal {
    pub(crate) origin: Instant,
    entries: Arc<Mutex<Vec<Entry>>>,
    is_loud: bool,
}

/// One line: a hook that began or ended, or something a test noted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Since the journal was opened.
    pub at: Duration,
    /// `store: startup`
    pub what: String,
    /// None for the beginning of a hook.
    pub end: Option<End>,
}

/// How a hook ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It returned `Ok`.
    Done,
    /// It returned `Err`.
    Failed,
    /// It panicked.
    Panicked,
    /// It was dropped before it returned.
    Dropped,
}

impl Default for Journal {
    fn default() -> Self {
        Self::new()
    }
}

impl Journal {
    /// An empty one; its clock starts now.
    #[must_use]
    pub fn new() -> Self {
        Self {
            origin: Instant::now(),
            entries: Arc::default(),
            is_loud: false,
        }
    }

    /// Also prints each line to standard output: for a child process, whose journal cannot be read.
    #[must_use]
    pub fn aloud(mut self) -> Self {
        self.is_loud = true;
        self
    }

    /// Writes a line of the test's own.
    pub fn note(&self, what: impl Into<String>) {
        self.push(what.into(), None);
    }

    /// Since the journal was opened.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.origin.elapsed()
    }

    /// Everything, in order.
    #[must_use]
    pub fn entries(&self) -> Vec<Entry> {
        self.entries
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Everything as text: `api: drain`, `api: drain done`.
    #[must_use]
    pub fn all(&self) -> Vec<String> {
        self.entries().iter().map(ToString::to_string).collect()
    }

    /// Everything as text with its instant: `7.5s api: tick 1 dropped`.
    #[must_use]
    pub fn timed(&self) -> Vec<String> {
        let timed = |entry: &Entry| format!("{:?} {entry}", entry.at);
        self.entries().iter().map(timed).collect()
    }

    /// The beginnings alone: `api: drain`.
    #[must_use]
    pub fn begun(&self) -> Vec<String> {
        let begun = |entry: Entry| entry.end.is_none().then_some(entry.what);
        self.entries().into_iter().filter_map(begun).collect()
    }

    /// What one service did, as text: `drain`, `drain done`.
    #[must_use]
    pub fn of(&self, service: &str) -> Vec<String> {
        let prefix = format!("{service}: ");
        self.all()
            .iter()
            .filter_map(|line| line.strip_prefix(&prefix))
            .map(str::to_owned)
            .collect()
    }

    /// How often this line was written.
    #[must_use]
    pub fn count(&self, line: &str) -> usize {
        self.all().iter().filter(|written| *written == line).count()
    }

    /// When the line was written.
    ///
    /// # Panics
    ///
    /// Unless it was written exactly once.
    #[must_use]
    pub fn at(&self, line: &str) -> Duration {
        let entries = self.entries();
        let mut found = entries.iter().filter(|entry| entry.to_string() == line);
        match (found.next(), found.next()) {
            (Some(entry), None) => entry.at,
            (found, _) => panic!(
                "`{line}` was written {}: {:#?}",
                if found.is_some() {
                    "more than once"
                } else {
                    "never"
                },
                self.timed()
            ),
        }
    }

    /// Asserts that these lines were written, each once, in this order; others may be between them.
    ///
    /// # Panics
    ///
    /// When they were not.
    pub fn assert_order(&self, lines: &[&str]) {
        let all = self.all();
        let places = lines.iter().map(|line| {
            assert_eq!(self.count(line), 1, "`{line}`: {all:#?}");
            all.iter().position(|written| written == line)
        });
        assert!(places.is_sorted(), "expected {lines:?} in order: {all:#?}");
    }

    /// Sleeps until so many milliseconds since the journal was opened.
    pub async fn reach(&self, milliseconds: u64) {
        tokio::time::sleep_until(self.origin + millis(milliseconds)).await;
    }

    /// Where this hook began while it was under way already.
    pub(crate) fn overlaps(&self, part: &str) -> Vec<String> {
        let mut under_way = 0;
        let mut faults = Vec::new();
        for entry in self.entries().iter().filter(|entry| entry.part() == part) {
            match entry.end {
                Some(_) => under_way -= 1,
                None => under_way += 1,
            }
            if under_way > 1 {
                faults.push(format!("{entry} at {:?} beside another", entry.at));
            }
        }
        faults
    }

    pub(crate) fn begin(&self, what: String) -> Open {
        let count = self
            .entries
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .len();
        // On a paused clock a loop that never waits would go on for ever.
        assert!(count < 1_000_000, "the journal does not end");
        self.push(what.clone(), None);
        Open {
            journal: self.clone(),
            what,
            end: End::Dropped,
        }
    }

    fn push(&self, what: String, end: Option<End>) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        // Read under the lock: instants of a journal never go back.
        let at = self.origin.elapsed();
        let entry = Entry { at, what, end };
        if self.is_loud {
            println!("{entry}");
        }
        entries.push(entry);
    }
}

/// A hook under way: notes its end when it is dropped, whatever that end is.
pub(crate) struct Open {
    journal: Journal,
    what: String,
    end: End,
}

impl Open {
    pub(crate) fn end<T, E>(mut self, result: Result<T, E>) -> Result<T, E> {
        self.end = if result.is_ok() {
            End::Done
        } else {
            End::Failed
        };
        result
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.end = End::Panicked;
        }
        let what = std::mem::take(&mut self.what);
        self.journal.push(what, Some(self.end));
    }
}

impl Entry {
    /// The hook without its service: `startup`.
    pub(crate) fn part(&self) -> &str {
        self.what.split_once(": ").map_or("", |(_, part)| part)
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        match self.end {
            None => Ok(()),
            Some(End::Done) => f.write_str(" done"),
            Some(End::Failed) => f.write_str(" failed"),
            Some(End::Panicked) => f.write_str(" panicked"),
            Some(End::Dropped) => f.write_str(" dropped"),
        }
    }
}
