//! The record of a run.

use std::sync::Arc;

use tokio::time::Instant;

use crate::report::error::ServiceError;
use crate::report::outcome::Laggard;
use crate::report::reason::Signal;
#[cfg(doc)]
use crate::shared::instance::Instance;

/// The facts that the outcome is made of.
#[derive(Debug, Default)]
pub(crate) struct Record {
    pub(crate) failures: Vec<ServiceError>,
    /// Whether one of them makes the outcome unclean: it is not of a service under `ignore`.
    pub(crate) has_fatal: bool,
    pub(crate) laggards: Vec<Laggard>,
    /// The failures in inner applications, at most [`Instance::KEPT`] of each service.
    pub(crate) inner_failures: Vec<ServiceError>,
    /// In an inner application: the failures that count, and so make the outer service fail.
    pub(crate) counted: Vec<ServiceError>,
    /// In an inner application: the failure that the outer service has already failed with.
    pub(crate) told: Option<ServiceError>,
    /// In an inner application: the outer service has been told how the run has ended.
    pub(crate) has_verdict: bool,
    /// The message of a panic of the `stop_on` future.
    pub(crate) external_panic: Option<Arc<str>>,
    /// The first signal that came while the run was up.
    pub(crate) signal: Option<Signal>,
    pub(crate) requested: Option<Instant>,
    pub(crate) ended: Option<Instant>,
}

impl Record {
    /// How many failures and laggards are kept of the members of groups, and of inner applications. Members come
    /// and go, so there is no end to them.
    pub(crate) const MOST: usize = 4096;
}
