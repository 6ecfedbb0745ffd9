//! What the code of the services did, in order.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Startup,
    Work,
    Drain,
    /// All that a oneshot in the background does.
    Job,
}

impl Part {
    /// Whether a run begins with it.
    pub(crate) fn is_first(self) -> bool {
        matches!(self, Self::Startup | Self::Job)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    Begun,
    Done,
    /// With an error or a panic.
    Failed,
    /// Dropped.
    Cut,
}

/// A beginning or an end of one part of one run of an actor.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) at: Duration,
    pub(crate) actor: Arc<str>,
    /// Counted by the actor itself, from 1.
    pub(crate) run: usize,
    pub(crate) part: Part,
    pub(crate) mark: Mark,
}

#[derive(Clone, Debug)]
pub(crate) struct Tape {
    origin: Instant,
    lines: Arc<Mutex<Vec<Line>>>,
}

impl Tape {
    pub(crate) fn new() -> Self {
        Self {
            origin: Instant::now(),
            lines: Arc::default(),
        }
    }

    pub(crate) fn origin(&self) -> Instant {
        self.origin
    }

    pub(crate) fn lines(&self) -> Vec<Line> {
        let lines = self.lines.lock();
        lines.unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn begin(&self, actor: &Arc<str>, run: usize, part: Part) -> Open {
        let line = Line {
            at: Duration::ZERO,
            actor: actor.clone(),
            run,
            part,
            mark: Mark::Begun,
        };
        self.push(line.clone());
        Open {
            tape: self.clone(),
            line: Line {
                mark: Mark::Cut,
                ..line
            },
        }
    }

    fn push(&self, line: Line) {
        let at = self.origin.elapsed();
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.push(Line { at, ..line });
    }
}

/// A part under way: notes its end when it is dropped.
pub(crate) struct Open {
    tape: Tape,
    line: Line,
}

impl Open {
    pub(crate) fn end<T, E>(mut self, result: Result<T, E>) -> Result<T, E> {
        self.line.mark = if result.is_ok() {
            Mark::Done
        } else {
            Mark::Failed
        };
        result
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.line.mark = Mark::Failed;
        }
        self.tape.push(self.line.clone());
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            at,
            actor,
            run,
            part,
            mark,
        } = self;
        write!(f, "{at:?} {actor} run {run}: {part:?} {mark:?}")
    }
}
