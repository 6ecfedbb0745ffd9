//! Makes the report of a start from what the services have noted.

use std::time::Duration;

use crate::report::startup::{ServiceStartup, Startup};
use crate::shared::application::Application;
use crate::shared::instance::Instance;

/// The report. The critical chain begins with `last`, if it is given: a service that fails now.
pub(crate) fn report(application: &Application, last: Option<usize>) -> Startup {
    let mut services = Vec::new();
    let chain = add(application, last, &mut services);
    Startup {
        chain,
        services,
        healthy: application.first_healthy.get(),
        age: application.age(),
    }
}

/// Adds the services of this application and returns its chain, as places among all services. Those of an
/// inner application follow its service, and so does its chain: that is what the service has waited for.
fn add(
    application: &Application,
    last: Option<usize>,
    all: &mut Vec<ServiceStartup>,
) -> Vec<usize> {
    // The members of a group come and go, so they are no part of the start.
    let mut services: Vec<_> = application.instances.iter().map(moments_of).collect();
    if let Some(last) = last.and_then(|last| services.get_mut(last)) {
        last.failed.get_or_insert(application.age());
    }
    let mut steps = Vec::with_capacity(services.len());
    for (instance, moments) in application.instances.iter().zip(&services) {
        let mut step = vec![all.len()];
        all.push(moments.clone());
        if let Some(inner) = instance.inner() {
            step.extend(add(&inner, None, all));
        }
        steps.push(step);
    }
    let last = last.or_else(|| last_of(application, &services));
    let chain = std::iter::successors(last, |&service| waited_for(application, &services, service));
    chain.flat_map(|service| steps[service].clone()).collect()
}

fn moments_of(instance: &Instance) -> ServiceStartup {
    ServiceStartup {
        name: instance.name.clone(),
        waiting: instance.moments.waiting.get(),
        starting: instance.moments.starting.get(),
        ready: instance.moments.ready.get(),
        failed: instance.moments.failed.get(),
    }
}

/// The service that the start as a whole has waited for last: the first that failed; otherwise the one that has
/// been starting longest; otherwise the one that was ready last. Those that don't count are left out, and so is what comes
/// after the application was healthy: a service that was on standby then, and starts later.
fn last_of(application: &Application, services: &[ServiceStartup]) -> Option<usize> {
    let healthy = application.first_healthy.get();
    let counting = || {
        let counts = |index: &usize| !application.instances[*index].on_failure().ends_ignored();
        let was_waited_for = |index: &usize| match healthy {
            Some(healthy) => services[*index].over().is_some_and(|over| over <= healthy),
            None => true,
        };
        (0..services.len()).filter(counts).filter(was_waited_for)
    };
    let begun = |index: &usize| services[*index].starting.is_some();
    let failed = |index: &usize| services[*index].failed;
    counting()
        .filter(begun)
        .filter(|index| failed(index).is_some())
        .min_by_key(failed)
        .or_else(|| {
            let under_way = counting()
                .filter(begun)
                .filter(|index| services[*index].over().is_none());
            under_way.min_by_key(|index| services[*index].starting)
        })
        .or_else(|| {
            let ready = counting().filter(|index| services[*index].ready.is_some());
            ready.max_by_key(|index| (services[*index].ready, services[*index].starting))
        })
}

/// The dependency for which the service has waited longest.
fn waited_for(
    application: &Application,
    services: &[ServiceStartup],
    service: usize,
) -> Option<usize> {
    let began: Duration = services[service].starting?;
    let edges = application.graph.dependencies(service).iter();
    let over = |index: &usize| services[*index].over().filter(|over| *over <= began);
    edges
        .map(|edge| edge.service as usize)
        .filter(|index| over(index).is_some())
        .max_by_key(|index| (over(index), services[*index].starting))
}
