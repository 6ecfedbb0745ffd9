//! The log lines of events. Each names its service in a field.

use crate::panics::log_safely;
use crate::report::event::{EventKind, RestartNumber};
use crate::report::name::Name;
use crate::report::status::{OnLate, State};

/// Writes the line of this event. Those of ticks and flushes that went well have none, because there may be
/// thousands a second.
pub(crate) fn log(service: Option<&Name>, kind: &EventKind) {
    let service = service.map_or("", Name::as_str);
    match kind {
        EventKind::Moved { to, .. } => log_move(service, *to),
        EventKind::StartupFailed {
            failures,
            wait,
            error,
        } => {
            log_safely!(
                warn,
                service = %service,
                error = &**error,
                failures,
                ?wait,
                "startup failed, trying again"
            );
        }
        EventKind::TickEnded { error, .. } => {
            if let Some(error) = error {
                log_safely!(warn, service = %service, error = &**error, "tick failed");
            }
        }
        EventKind::FlushEnded { error, .. } => {
            if let Some(error) = error {
                log_safely!(warn, service = %service, error = &**error, "flush failed");
            }
        }
        EventKind::Degraded { why } => {
            log_safely!(warn, service = %service, why = &**why, "degraded");
        }
        EventKind::Recovered => {
            log_safely!(info, service = %service, "recovered");
        }
        EventKind::PointsSkipped { count, why } => {
            log_safely!(warn, service = %service, count, why = &**why, "points of the schedule skipped");
        }
        EventKind::Paused => {
            log_safely!(info, service = %service, "paused");
        }
        EventKind::Resumed => {
            log_safely!(info, service = %service, "resumed");
        }
        EventKind::RestartPlanned {
            wait,
            number: Some(number),
            limit,
            error,
            ..
        } => {
            let restart = RestartNumber(*number, *limit);
            let error = error.as_ref().map(tracing::field::display);
            log_safely!(warn, service = %service, %restart, ?wait, error, "restarting");
        }
        EventKind::RestartPlanned { with, .. } => {
            let with = with.as_ref().map(Name::as_str);
            log_safely!(info, service = %service, with, "restarting");
        }
        EventKind::LeaseTaken { token } => {
            log_safely!(info, service = %service, token = *token, "lease taken");
        }
        EventKind::LeaseLost { token, why } => {
            log_safely!(warn, service = %service, token = *token, %why, "lease lost");
        }
        EventKind::Failed(error) => {
            log_safely!(error, service = %service, %error, "failed");
        }
        EventKind::Late {
            phase,
            had,
            on_late: OnLate::Ignore,
        } => {
            log_safely!(warn, service = %service, %phase, ?had, "late, dropped");
        }
        EventKind::Late { phase, had, .. } => {
            log_safely!(error, service = %service, %phase, ?had, "late, dropped");
        }
        EventKind::ReloadFailed(error) => {
            log_safely!(error, service = %service, %error, "reload failed");
        }
        EventKind::Reloaded { took, failures } => {
            log_safely!(info, failures = *failures, ?took, "reloaded");
        }
        EventKind::Healthy { services } => {
            log_safely!(info, services = *services, "healthy");
        }
        EventKind::Stopping { reason } => {
            log_safely!(info, reason = %reason, "stopping");
        }
    }
}

/// The line of a move.
pub(crate) fn log_move(service: &str, to: State) {
    match to {
        // The failure itself has been logged already.
        State::New | State::Waiting | State::Failed => {
            log_safely!(debug, service = %service, "{to}");
        }
        _ => {
            log_safely!(info, service = %service, "{to}");
        }
    }
}
