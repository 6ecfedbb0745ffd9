//! The scope of a service's code: the span in which it runs, and the mark on the thread that names the
//! service.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tracing::Span;
use tracing::span::Entered;

use crate::panics;
use crate::report::name::Name;
use crate::shared::current::{self, Current};

/// Runs code of the service in the service's scope.
#[inline]
pub(crate) fn within<T>(
    current: Current,
    span: Option<&ServiceSpan>,
    code: impl FnOnce() -> T,
) -> T {
    let _current = current::enter(current);
    let _inside = span.and_then(ServiceSpan::enter);
    code()
}

/// While it lives, this thread is in the span. A subscriber may panic when the span is entered or left; that
/// is no failure of the service.
struct Inside<'a>(Option<Entered<'a>>);

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        if let Some(entered) = self.0.take() {
            let _ = panics::catch(|| drop(entered));
        }
    }
}

/// Holds the span of a run. The span is made when it is first needed and closed when the run is over, even if
/// a context keeps the rest of the run.
#[derive(Debug, Default)]
pub(crate) struct SpanSlot(Mutex<Option<SharedSpan>>);

/// `None` if no subscriber records the span.
pub(crate) type SharedSpan = Option<Arc<ServiceSpan>>;

impl SpanSlot {
    /// The span, or `None` once it was closed: a span made later would stay open as long as a context.
    pub(crate) fn get(&self, name: &Name) -> SharedSpan {
        self.lock()
            .get_or_insert_with(|| ServiceSpan::new(name).map(Arc::new))
            .clone()
    }

    pub(crate) fn close(&self) {
        let left = self.lock().replace(None);
        drop(left);
    }

    fn lock(&self) -> MutexGuard<'_, Option<SharedSpan>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The one span of a service. It has no parent: the code of one service often starts another one, and a
/// chain of parents would keep every span alive and name every service in each line.
pub(crate) struct ServiceSpan(Option<Span>);

impl ServiceSpan {
    fn new(name: &Name) -> Option<Self> {
        let span = panics::catch(
            || tracing::info_span!(target: "lifecycle", parent: None, "service", name = name.as_str()),
        );
        let span = span.ok().filter(|span| !span.is_disabled())?;
        Some(Self(Some(span)))
    }

    /// The same for the user's own code. What a subscriber panics with is no failure of that either.
    pub(crate) fn to_span(&self) -> Span {
        panics::catch(|| self.0.clone())
            .ok()
            .flatten()
            .unwrap_or_else(Span::none)
    }

    fn enter(&self) -> Option<Inside<'_>> {
        let span = self.0.as_ref()?;
        let entered = panics::catch(|| span.enter()).ok();
        Some(Inside(entered))
    }
}

impl Drop for ServiceSpan {
    fn drop(&mut self) {
        let span = self.0.take();
        let _ = panics::catch(|| drop(span));
    }
}

impl fmt::Debug for ServiceSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ServiceSpan").field(&self.0).finish()
    }
}
