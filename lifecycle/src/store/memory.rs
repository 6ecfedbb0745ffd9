//! Memory: which point of a schedule began last, and whether it has ended.

use std::sync::Arc;

use async_trait::async_trait;

use crate::report::error::BoxError;
use crate::report::point::Point;

/// A store that remembers the last point of each schedule, over the end of the process and for all replicas.
///
/// Each method is one operation of the store. What every store owes is written as tests: see
/// `lifecycle::testing::stores`, behind the feature `test-util`.
///
/// # Errors
///
/// As for [`Leases`](crate::Leases).
///
/// # Cancellation
///
/// Each of the futures may be dropped at any time. What was asked for may happen or not; nothing else may.
///
/// ```
/// use std::collections::HashMap;
/// use std::sync::Mutex;
/// use lifecycle::{BoxError, Memory, Point, Remembered, async_trait};
///
/// /// For tests: a real memory outlives the process.
/// #[derive(Default)]
/// struct Notes(Mutex<HashMap<String, Remembered>>);
///
/// #[async_trait]
/// impl Memory for Notes {
///     async fn last(&self, name: &str) -> Result<Option<Remembered>, BoxError> {
///         Ok(self.0.lock().unwrap().get(name).copied())
///     }
///
///     async fn begin(&self, name: &str, point: &Point) -> Result<bool, BoxError> {
///         let mut notes = self.0.lock().unwrap();
///         let is_allowed = notes.get(name).is_none_or(|last| last.allows(point));
///         if is_allowed {
///             notes.insert(name.to_owned(), Remembered::new(*point, false));
///         }
///         Ok(is_allowed)
///     }
///
///     async fn end(&self, name: &str, point: &Point) -> Result<bool, BoxError> {
///         match self.0.lock().unwrap().get_mut(name) {
///             Some(last) if last.point == *point => {
///                 last.ended = true;
///                 Ok(true)
///             }
///             _ => Ok(false),
///         }
///     }
/// }
/// # #[cfg(feature = "test-util")]
/// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(async {
/// #     let store = std::sync::Arc::new(Notes::default());
/// #     lifecycle::testing::stores::memory(|| store.clone()).await;
/// # });
/// ```
#[async_trait]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a memory",
    label = "does not implement `Memory`",
    note = "use a store that remembers, such as `FileMemory` or that of `lifecycle-postgres`, or implement `Memory`"
)]
pub trait Memory: Send + Sync + 'static {
    /// Stands before the name of each service, as in [`Leases::namespace`](crate::Leases::namespace). Default: none.
    #[expect(
        clippy::unnecessary_literal_bound,
        reason = "a store returns what it holds"
    )]
    fn namespace(&self) -> &str {
        ""
    }

    /// What is remembered under this name; `None` where nothing is.
    async fn last(&self, name: &str) -> Result<Option<Remembered>, BoxError>;

    /// Remembers that this point has begun, and returns `true`, if nothing is remembered under this name, or an earlier
    /// point, or the same point by the attempt before this one and not ended. `false`, and nothing changes: another
    /// replica has begun it, or a later one.
    ///
    /// One compare-and-set: of all replicas that begin a point at once, by whatever clock, one gets `true`.
    async fn begin(&self, name: &str, point: &Point) -> Result<bool, BoxError>;

    /// Remembers that this point has ended, if it is the one that is remembered, by this attempt; once more is `true`
    /// as well. `false`, and nothing changes: another point or another attempt is.
    async fn end(&self, name: &str, point: &Point) -> Result<bool, BoxError>;
}

/// What a [`Memory`] holds under one name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Remembered {
    /// The point that began last.
    pub point: Point,
    /// Whether it has ended.
    pub ended: bool,
}

impl Remembered {
    /// For stores: what they remember.
    #[must_use]
    pub fn new(point: Point, ended: bool) -> Self {
        Self { point, ended }
    }

    /// For stores that decide in code: the rule of [`Memory::begin`].
    #[must_use]
    pub fn allows(&self, point: &Point) -> bool {
        let last = &self.point;
        let is_next_attempt = last.attempt.checked_add(1) == Some(point.attempt);
        point.at > last.at || (point.at == last.at && !self.ended && is_next_attempt)
    }
}

#[async_trait]
#[diagnostic::do_not_recommend]
impl<M: Memory + ?Sized> Memory for Arc<M> {
    fn namespace(&self) -> &str {
        (**self).namespace()
    }

    async fn last(&self, name: &str) -> Result<Option<Remembered>, BoxError> {
        (**self).last(name).await
    }

    async fn begin(&self, name: &str, point: &Point) -> Result<bool, BoxError> {
        (**self).begin(name, point).await
    }

    async fn end(&self, name: &str, point: &Point) -> Result<bool, BoxError> {
        (**self).end(name, point).await
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_later_point_or_the_next_attempt_at_one_that_has_not_ended_is_allowed() {
        let at = SystemTime::UNIX_EPOCH + SECOND;
        let open = Remembered::new(Point::new(at, 1), false);
        let ended = Remembered::new(Point::new(at, 1), true);
        for (at, attempt, while_open, once_ended) in [
            (at - SECOND, 2, false, false),
            (at, 0, false, false),
            (at, 1, false, false),
            (at, 2, true, false),
            (at, 3, false, false),
            (at + SECOND, 0, true, true),
        ] {
            let point = Point::new(at, attempt);
            assert_eq!(open.allows(&point), while_open, "{point:?}");
            assert_eq!(ended.allows(&point), once_ended, "{point:?}");
        }
    }
}
