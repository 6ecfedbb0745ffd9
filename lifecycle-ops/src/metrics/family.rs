//! The names of the metrics, and what they mean.

/// Metrics of one name. Its samples stand together.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Family {
    /// Without the `_total` of a counter, or the `_info` of an info.
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) help: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Gauge,
    Counter,
    Histogram,
    Info,
}

macro_rules! families {
    ($($family:ident = $kind:ident $name:literal: $help:literal;)+) => {
        /// All of them.
        #[cfg(feature = "opentelemetry")]
        pub(crate) static ALL: &[&Family] = &[$(&$family),+];

        $(pub(crate) static $family: Family = Family { name: $name, kind: Kind::$kind, help: $help };)+
    };
}

families! {
    BUILD = Info "lifecycle_build": "The version of the library.";
    READY = Gauge "lifecycle_ready": "Whether the application is ready.";
    STATE = Gauge "lifecycle_service_state": "1 for the state that the service is in.";
    RESTARTS = Counter "lifecycle_service_restarts": "Restarts of the service, by its policy and by hand.";
    DEGRADED = Gauge "lifecycle_service_degraded": "Whether the service works less well than it should.";
    START_DURATION = Gauge "lifecycle_service_start_duration_seconds": "How long the first start of the service took.";
    TICKS = Counter "lifecycle_ticks": "Ticks that have ended, by how they ended.";
    TICKS_MISSED = Counter "lifecycle_ticks_missed": "Points of the schedule that had no tick of their own.";
    LAST_SUCCESS = Gauge "lifecycle_tick_last_success_timestamp_seconds":
        "When the last tick that succeeded, of the last 32, has ended.";
    NEXT_TICK = Gauge "lifecycle_tick_next_timestamp_seconds": "When the next tick is due.";
    TICK_RUNNING = Gauge "lifecycle_tick_running": "Whether a tick is in flight.";
    TICK_DURATION = Histogram "lifecycle_tick_duration_seconds": "How long ticks took.";
    LEASE_HELD = Gauge "lifecycle_lease_held": "Whether this replica has the lease of the service.";
    LEASE_TOKEN = Gauge "lifecycle_lease_token": "The fencing token of the lease, while this replica has it.";
    QUEUE_DEPTH = Gauge "lifecycle_queue_depth": "Items that are accepted and not flushed.";
    QUEUE_FLUSHED = Counter "lifecycle_queue_flushed": "Items that were flushed.";
    QUEUE_FAILURES = Counter "lifecycle_queue_failures": "Attempts to flush that have failed.";
    QUEUE_LOST = Counter "lifecycle_queue_lost": "Items that could not be flushed.";
    QUEUE_DROPPED = Counter "lifecycle_queue_dropped": "Items that were dropped to make room for newer ones.";
}

impl Kind {
    /// What the name of a sample has at its end.
    pub(crate) fn suffix(self) -> &'static str {
        match self {
            Self::Gauge | Self::Histogram => "",
            Self::Counter => "_total",
            Self::Info => "_info",
        }
    }
}
