//! Makes the outcome of a run from the application's record.

use std::collections::HashSet;

use crate::report::name::Name;
use crate::report::outcome::{Laggard, Outcome};
use crate::report::reason::Reason;
use crate::report::status::State;
use crate::shared::application::Application;
use crate::shared::instance::Instance;

/// The outcome of a run that is over.
pub(crate) fn outcome_of(application: &Application) -> Outcome {
    let record = application.record();
    Outcome {
        reason: application
            .request
            .reason()
            .cloned()
            .unwrap_or(Reason::Requested),
        failures: record.failures.clone(),
        has_fatal: record.has_fatal,
        laggards: record.laggards.clone(),
        services: application.states(),
        omitted: omitted(application),
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
    application.instances.iter().for_each(Instance::end_queue);
    let mut outcome = outcome_of(application);
    let had = application
        .request
        .made_at()
        .map(|at| at.elapsed())
        .unwrap_or_default();
    let known: HashSet<Name> = outcome
        .laggards
        .iter()
        .map(|laggard| laggard.service.clone())
        .collect();
    for (instance, service) in application.instances.iter().zip(&outcome.services) {
        let is_active = matches!(
            service.state,
            State::Starting | State::Running | State::Stopping
        );
        if is_active && !known.contains(&service.name) {
            outcome.laggards.push(Laggard {
                service: service.name.clone(),
                phase: instance.phase(),
                had,
            });
        }
    }
    outcome
}

fn omitted(application: &Application) -> Vec<(Name, u64)> {
    let counts = application
        .instances
        .iter()
        .map(|instance| (instance.name.clone(), instance.omitted_failures()));
    counts.filter(|(_, count)| *count > 0).collect()
}
