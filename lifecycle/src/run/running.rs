//! A started registry, and the steps of its start.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle as Runtime;
use tokio::sync::oneshot;
use tokio::time::sleep;

use crate::engine::Engine;
use crate::engine::settings::RegistrySettings;
use crate::panics::{self, CatchOnDrop};
use crate::report::error::{HealthError, StartError};
use crate::report::outcome::Outcome;
use crate::report::reason::Reason;
use crate::report::registry_error::{RegistryError, RegistryProblem};
#[cfg(doc)]
use crate::report::status::OnFailure;
use crate::run::conclude;
use crate::run::leases::Keepers;
use crate::run::plan::{Launch, RegisteredService, Stores};
use crate::run::runtime_end::Up;
use crate::run::signals::{HangupListener, Listener};
use crate::run::supervisor::Supervisor;
use crate::run::systemd::Systemd;
use crate::run::unstarted;
use crate::shared::application::Application;
use crate::shared::context::Context;
use crate::shared::handle::Handle;
use crate::shared::nested;
use crate::store::Opaque;

/// A started registry. Exactly one exists per run, and it decides when the services stop; for a
/// view that can be cloned see [`handle`](Self::handle).
///
/// Dropping it stops the services, in order, in the background.
///
/// ```
/// # use lifecycle::{Idle, registry, service};
/// # #[service(idle)] struct Store;
/// # impl Idle for Store {}
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
/// let running = registry! { "store" => Store }.start();
/// running.await_healthy().await?;
///
/// let handle = running.handle();
/// tokio::spawn(async move { handle.shutdown() });
///
/// let reason = running.wait().await;
/// assert_eq!(reason.to_string(), "stop requested");
/// running.stop().await.into_result()?;
/// # Ok(()) }
/// ```
#[must_use = "dropping it stops the services"]
pub struct Running {
    application: Arc<Application>,
    /// The supervisor's; none when nothing could be started, and once `stop` has taken it.
    outcome: Option<oneshot::Receiver<Outcome>>,
}

impl Running {
    pub(crate) fn start(launch: Launch) -> Self {
        let application = launch.application.clone();
        let outcome = begin(launch, None);
        Self {
            application,
            outcome,
        }
    }

    /// Resolves when every service is running and every oneshot has succeeded, but for those under
    /// [`OnFailure::Ignore`]: it neither waits for them nor fails by them. Cancel-safe.
    ///
    /// # Errors
    ///
    /// The failure that made it impossible, or why the application stops instead.
    pub async fn await_healthy(&self) -> Result<(), HealthError> {
        self.application.await_healthy().await
    }

    /// Resolves when there is a reason to stop: a signal, a failure, a request, or the end of every
    /// service. The services go on until [`stop`](Self::stop). Cancel-safe, and may be called
    /// again.
    pub async fn wait(&self) -> Reason {
        self.application.request.made().await
    }

    /// Stops the services: dependents before their dependencies, each with its drain, none longer
    /// than its time. Returns when nothing of them is left.
    ///
    /// It is bounded by the [deadline](crate::Registry::deadline), counted from the first request. Cancel-safe:
    /// if the future is dropped, the stop goes on in the background.
    pub async fn stop(mut self) -> Outcome {
        self.application.ask_to_stop(Reason::Requested);
        self.application.stop.close();
        let outcome = match self.outcome.take() {
            Some(outcome) => outcome.await.ok(),
            None => None,
        };
        // A runtime that ends drops the supervisor and every service with it.
        outcome.unwrap_or_else(|| conclude::cut_short(&self.application))
    }

    /// A view of this run, to be cloned and handed on.
    #[must_use]
    pub fn handle(&self) -> Handle {
        Handle::new(self.application.clone())
    }

    pub(crate) fn application(&self) -> &Arc<Application> {
        &self.application
    }
}

/// Starts the services: as a registry of its own, or as the one that the service of this context is. Returns
/// where the outcome will arrive; `None` if the start was refused.
pub(crate) fn begin(launch: Launch, owner: Option<&Context>) -> Option<oneshot::Receiver<Outcome>> {
    let Launch {
        services,
        application,
        problems,
        settings,
        signals,
        stop_on,
        stores,
        members,
        #[cfg(all(feature = "cron", feature = "test-util"))]
        wall_clock,
    } = launch;
    // A start that is refused drops the future here, and its destructor may panic.
    let stop_on = CatchOnDrop::new(stop_on);
    let runtime = match runtime_for(problems, &settings, &stores, &services) {
        Ok(runtime) => runtime,
        Err(error) => return refuse(&application, services, error),
    };
    let graph = application.graph.clone();
    let engine = match members {
        Some(_) => Engine::of_group(settings),
        None => Engine::new(graph, services.iter().map(|node| node.settings), settings),
    };
    let of_leases = || stores.leases.clone()?.memory();
    if let Some(memory) = stores.memory.clone().or_else(of_leases) {
        let _ = application.memory.set(Opaque(memory));
    }
    #[cfg(all(feature = "cron", feature = "test-util"))]
    if let Some(clock) = wall_clock {
        let _ = application.wall_clock.set(clock);
    }
    let is_adopted = match owner {
        Some(owner) => owner.run().tasks.adopt(&application),
        None => nested::adopt(&application),
    };
    if !is_adopted {
        return refuse(&application, services, StartError::ServiceEnded);
    }
    // Of a registry that is a service the outer one reloads.
    let on_hangup = settings.on_hangup.filter(|_| owner.is_none());
    let listeners = signals
        .then(|| Listener::install(&application))
        .transpose()
        .and_then(|signals| {
            let hangup = on_hangup.map(|what| HangupListener::install(&application, what));
            Ok((signals, hangup.transpose()?))
        });
    let (signals, hangup) = match listeners {
        Ok(listeners) => listeners,
        Err(error) => {
            application.gone.close();
            return refuse(&application, services, StartError::Signals(error));
        }
    };
    for (instance, node) in application.registered().iter().zip(&services) {
        if node.settings.disabled {
            let _ = instance.disabled.set(());
        }
    }
    let leases = Keepers::begin(stores, &application, &services);
    application.begin(Some(runtime.clone()));
    // Not collected in place, which would keep the larger allocation of `services` for as long as the run.
    let mut values = Vec::with_capacity(services.len());
    values.extend(services.into_iter().map(|node| node.service.into_inner()));
    let supervisor = Supervisor {
        application: application.clone(),
        engine,
        services: values,
        kept: BTreeMap::new(),
        restart_calls: Vec::new(),
        leases,
        members,
        stop_on: stop_on.into_inner().flatten(),
        signals,
        hangup,
        systemd: owner
            .is_none()
            .then(|| Systemd::begin(settings.deadline))
            .flatten(),
        told_alarm: None,
    };
    nested::begin(&application);
    let (tell, outcome) = oneshot::channel();
    let end = End {
        running: (TellsOfTheEnd(application), Up::new()),
        tell,
    };
    let supervised = async move {
        let outcome = supervisor.run().await;
        end.tell(outcome);
    };
    // Its handle would keep the runtime.
    drop(runtime.spawn(supervised));
    Some(outcome)
}

/// The runtime of the caller, if the services can run there with these settings.
fn runtime_for(
    mut problems: Vec<RegistryProblem>,
    settings: &RegistrySettings,
    stores: &Stores,
    services: &[RegisteredService],
) -> Result<Runtime, StartError> {
    // The limits may have been changed after the registry was built, so they are checked again.
    problems.extend(RegistryProblem::of(
        settings.deadline,
        settings.shutdown_delay,
    ));
    // `registry!` checks literals only.
    let of_policy =
        |node: &RegisteredService| RegistryProblem::of_policy(&node.name, node.settings.on_failure);
    problems.extend(services.iter().flat_map(of_policy));
    problems.extend(RegistryProblem::of_term(stores.lease_term));
    let leased = services
        .iter()
        .filter(|node| node.settings.leased && node.is_none());
    problems.extend(leased.map(|node| RegistryProblem::disabled_lease(&node.name)));
    if !problems.is_empty() {
        return Err(StartError::Registry(RegistryError { problems }));
    }
    let runtime = Runtime::try_current().map_err(|_| StartError::NoRuntime)?;
    // Tokio offers no other way to learn this: without a timer, a first sleep panics. With
    // `panic = "abort"` the program ends here, and otherwise it would in the supervisor's first sleep.
    panics::catch(|| drop(sleep(Duration::ZERO))).map_err(|_| StartError::NoTimer)?;
    Ok(runtime)
}

/// Starts nothing, and ends the waits of the handles with this error. The queues among the services take no
/// more items.
fn refuse<T>(
    application: &Arc<Application>,
    services: Vec<RegisteredService>,
    error: StartError,
) -> Option<T> {
    unstarted::let_go(application, services);
    application.refuse(Reason::NotStarted(Arc::new(error)));
    None
}

/// The last steps of the supervisor's task, in this order: when the outcome arrives, or is known to be
/// missing, the run has ended.
struct End {
    running: (TellsOfTheEnd, Up),
    tell: oneshot::Sender<Outcome>,
}

impl End {
    fn tell(self, outcome: Outcome) {
        drop(self.running);
        // An error means that the `Running` was dropped: no code waits for the outcome.
        let _ = self.tell.send(outcome);
    }
}

/// Owned by the supervisor's task. If that task is dropped before its end, with the runtime or by a panic,
/// this ends the waits for a stop reason, a move or a tick, which nothing else would end.
struct TellsOfTheEnd(Arc<Application>);

impl Drop for TellsOfTheEnd {
    fn drop(&mut self) {
        if self.0.record().ended.is_none() {
            self.end();
        }
        nested::end(&self.0);
        self.0.gone.close();
    }
}

impl TellsOfTheEnd {
    fn end(&self) {
        self.0.ask_to_stop(Reason::Dropped);
        for instance in self.0.all_instances() {
            if let Some(run) = instance.run() {
                run.tasks.close();
                let inner = run.tasks.take_runs();
                nested::stop(&inner);
                nested::cut(&inner);
            }
            instance.close_triggers();
            instance.end_queue();
        }
        self.0.end();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.application.ask_to_stop(Reason::Dropped);
        self.application.stop.close();
    }
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running")
            .field("services", &self.application.states())
            .finish_non_exhaustive()
    }
}
