//! The log of a test: every event of the library and of the services as one line.
//!
//! One subscriber for the whole program passes each event to the log that its thread has opened. (One subscriber per thread would
//! miss events: tracing asks only once, on any thread, whether somebody is interested in a call site.) For the same reason every
//! test of a program that uses it opens a log before it does anything else.

use std::cell::RefCell;
use std::fmt::{self, Write};
use std::rc::Rc;
use std::sync::Once;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// What was logged on this thread since it was opened: `ERROR failed service=store error=..`.
#[derive(Debug)]
pub struct Log(Rc<RefCell<Pages>>);

#[derive(Debug, Default)]
struct Pages {
    lines: Vec<String>,
    /// The fields of each span; the id of one is its index plus one.
    spans: Vec<String>,
    entered: Vec<Id>,
}

impl Pages {
    /// The span this thread is in, with those it is in.
    fn current(&self) -> Option<String> {
        let id = self.entered.last()?;
        let index = usize::try_from(id.into_u64()).unwrap() - 1;
        Some(self.spans[index].clone())
    }
}

thread_local! {
    static OPEN: RefCell<Rc<RefCell<Pages>>> = RefCell::default();
}

impl Log {
    /// Keeps what this thread logs from now on.
    ///
    /// # Panics
    ///
    /// When another subscriber was installed.
    #[must_use]
    pub fn open() -> Self {
        static INSTALLED: Once = Once::new();
        INSTALLED.call_once(|| tracing::subscriber::set_global_default(Router).unwrap());
        let pages = Rc::default();
        OPEN.set(Rc::clone(&pages));
        Self(pages)
    }

    /// All lines.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.0.borrow().lines.clone()
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

impl Log {
    /// How many spans were made with these words.
    #[must_use]
    pub fn spans(&self, words: &str) -> usize {
        let pages = self.0.borrow();
        pages
            .spans
            .iter()
            .filter(|span| span.contains(words))
            .count()
    }
}

/// Passes each event to the log of its thread.
struct Router;

fn on_pages<T>(act: impl FnOnce(&mut Pages) -> T) -> T {
    OPEN.with_borrow(|pages| act(&mut pages.borrow_mut()))
}

impl Subscriber for Router {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut line = Line::default();
        span.record(&mut line);
        on_pages(|pages| {
            if let Some(parent) = pages.current().filter(|_| span.is_contextual()) {
                line.0.push_str(&parent);
            }
            pages.spans.push(line.0);
            Id::from_u64(pages.spans.len() as u64)
        })
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(event.metadata().level().to_string());
        event.record(&mut line);
        on_pages(|pages| {
            if let Some(span) = pages.current().filter(|_| event.is_contextual()) {
                let _ = write!(line.0, " in{span}");
            }
            pages.lines.push(line.0);
        });
    }

    fn enter(&self, span: &Id) {
        on_pages(|pages| pages.entered.push(span.clone()));
    }

    fn exit(&self, span: &Id) {
        on_pages(|pages| {
            if let Some(last) = pages.entered.iter().rposition(|entered| entered == span) {
                pages.entered.remove(last);
            }
        });
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
