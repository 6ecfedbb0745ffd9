//! Makes the outcome of a run from the application's record.

use std::collections::HashSet;

use crate::report::error::ServiceError;
use crate::report::name::Name;
use crate::report::outcome::{Laggard, Outcome};
use crate::report::reason::Reason;
use crate::report::status::{OnLate, State};
use crate::shared::application::Application;

/// The outcome of a run that is over.
pub(crate) fn outcome_of(application: &Application) -> Outcome {
    // What is known of the services of an inner application is in the outcome of the outer one. Its own is only waited
    // for.
    let (services, omitted) = if application.is_inner() {
        (Vec::new(), Vec::new())
    } else {
        (application.states(), omitted(application))
    };
    let record = application.record();
    // Those of inner applications first: a service often fails because of one of its own.
    let mut failures = record.inner_failures.clone();
    failures.extend(record.failures.iter().cloned());
    failures.sort_by_key(ServiceError::after);
    Outcome {
        reason: application
            .request
            .reason()
            .cloned()
            .unwrap_or(Reason::Requested),
        failures,
        has_fatal: record.has_fatal,
        laggards: record.laggards.clone(),
        services,
        omitted,
        took: record
            .requested
            .zip(record.ended)
            .map(|(from, to)| to.saturating_duration_since(from)),
        signal: record.signal,
        external_panic: record.external_panic.clone(),
    }
}

/// The outcome of a run that was cut off: every service that is still active counts as late.
pub(crate) fn cut_short(application: &Application) -> Outcome {
    // No task will flush the queues any more, so their remaining items count as lost.
    application.end_queues();
    let mut outcome = outcome_of(application);
    let known: HashSet<Name> = outcome
        .laggards
        .iter()
        .map(|laggard| laggard.service.clone())
        .collect();
    let mut active = Vec::new();
    add_active(application, &mut active);
    active.retain(|laggard| !known.contains(&laggard.service));
    outcome.laggards.extend(active);
    outcome
}

/// Adds each service that is still active, as one that is late.
fn add_active(application: &Application, active: &mut Vec<Laggard>) {
    let had = application
        .request
        .made_at()
        .map(|at| at.elapsed())
        .unwrap_or_default();
    for instance in application.all_instances() {
        let is_active = matches!(
            instance.state(),
            State::Starting | State::Running | State::Stopping
        );
        if is_active {
            active.push(Laggard {
                service: instance.name.clone(),
                phase: instance.phase(),
                had,
                on_late: OnLate::Fail,
            });
        }
        if let Some(inner) = instance.inner() {
            add_active(&inner, active);
        }
    }
}

/// For each service with more failures than are kept: how many were left out.
fn omitted(application: &Application) -> Vec<(Name, u64)> {
    let counts = application.all_instances().filter_map(|instance| {
        let count = instance.omitted_failures();
        (count > 0).then(|| (instance.name.clone(), count))
    });
    let mut omitted: Vec<_> = counts.collect();
    for inner in application.inner_applications() {
        omitted.extend(self::omitted(&inner));
    }
    omitted
}
