//! The log of a test: a subscriber that keeps every event of the library and of the services as one line.

use std::fmt::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::DefaultGuard;
use tracing::{Event, Metadata, Subscriber};

/// What was logged on this thread since it was opened: `ERROR failed service=store error=..`.
#[derive(Debug)]
pub struct Log {
    book: Book,
    _guard: DefaultGuard,
}

#[derive(Clone, Debug, Default)]
struct Book(Arc<Mutex<Pages>>);

#[derive(Debug, Default)]
struct Pages {
    lines: Vec<String>,
    /// The fields of each span; the id of one is its index plus one.
    spans: Vec<String>,
    entered: Vec<Id>,
}

impl Log {
    /// Keeps what this thread logs from now on.
    #[must_use]
    pub fn open() -> Self {
        let book = Book::default();
        let guard = tracing::subscriber::set_default(book.clone());
        Self {
            book,
            _guard: guard,
        }
    }

    /// Adds a line of the test's own.
    pub fn note(&self, line: &str) {
        self.book.pages().lines.push(line.to_owned());
    }

    /// All lines.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.book.pages().lines.clone()
    }

    /// The place of the first line that holds all of these words.
    ///
    /// # Panics
    ///
    /// When there is none.
    #[must_use]
    pub fn place(&self, words: &[&str]) -> usize {
        let lines = self.lines();
        lines
            .iter()
            .position(|line| words.iter().all(|word| line.contains(word)))
            .unwrap_or_else(|| panic!("no line with {words:?}: {lines:#?}"))
    }
}

impl Book {
    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Subscriber for Book {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut line = Line::default();
        span.record(&mut line);
        let mut pages = self.pages();
        pages.spans.push(line.0);
        Id::from_u64(pages.spans.len() as u64)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(event.metadata().level().to_string());
        event.record(&mut line);
        let mut pages = self.pages();
        if let Some(id) = pages.entered.last() {
            let index = usize::try_from(id.into_u64()).unwrap() - 1;
            let _ = write!(line.0, " in{}", pages.spans[index]);
        }
        pages.lines.push(line.0);
    }

    fn enter(&self, span: &Id) {
        self.pages().entered.push(span.clone());
    }

    fn exit(&self, span: &Id) {
        let mut pages = self.pages();
        if let Some(last) = pages.entered.iter().rposition(|entered| entered == span) {
            pages.entered.remove(last);
        }
    }
}

#[derive(Default)]
struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = match field.name() {
            "message" => write!(self.0, " {value:?}"),
            name => write!(self.0, " {name}={value:?}"),
        };
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        let _ = write!(self.0, " {}={value}", field.name());
    }
}
