//! The limits of a batch, as the service gives them, and the last ones that were right.

use std::sync::Arc;

use super::{QueueService, count};
use crate::report::error::OptionError;
use crate::report::event::EventKind;
use crate::shared::context::Context;
use crate::shared::queue_counts::{BatchLimits, QueueCounts};

pub(super) fn limits<S: QueueService>(service: &S) -> Result<BatchLimits, OptionError> {
    let (size, interval) = (service.size(), service.interval());
    let flush_timeout = service.flush_timeout();
    if size == 0 {
        return Err(OptionError::EmptyBatch);
    }
    if interval.is_zero() {
        return Err(OptionError::QueueInterval { field: S::INTERVAL });
    }
    if flush_timeout.is_some_and(|limit| limit.is_zero()) {
        return Err(OptionError::FlushTimeout);
    }
    Ok(BatchLimits {
        size,
        interval,
        flush_timeout,
    })
}

/// Reads the limits. Wrong ones change nothing: the service shows as degraded until they are right.
pub(super) fn read_limits<S: QueueService>(service: &S, cx: &Context) {
    let Some(counts) = count(cx) else { return };
    let problem: Option<Arc<str>> = match limits(service) {
        Ok(limits) => {
            counts.set_limits(limits);
            None
        }
        Err(error) => Some(error.to_string().into()),
    };
    let before = counts.set_problem(problem.clone());
    match &problem {
        Some(why) if before != problem => {
            cx.tell(EventKind::Degraded { why: why.clone() });
        }
        None if before.is_some() => {
            cx.tell(EventKind::Recovered);
        }
        _ => {}
    }
}

/// The last limits that were right.
pub(super) fn limits_or_last<S: QueueService>(service: &S, cx: &Context) -> BatchLimits {
    let known = count(cx).and_then(QueueCounts::limits);
    known.unwrap_or_else(|| BatchLimits {
        size: service.size().max(1),
        interval: service.interval(),
        flush_timeout: service.flush_timeout(),
    })
}
