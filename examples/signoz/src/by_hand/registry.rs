use std::{
    collections::HashMap,
    mem,
    sync::{Arc, Mutex, PoisonError},
};

use lifecycle::{BoxError, Result, State};
use tokio::{
    select,
    sync::{mpsc, watch},
    task::JoinSet,
};

use super::Service;

/// As far as it goes: all at once where nothing is depended on, no time limits, no check of names and dependencies.
pub struct Registry {
    services: Vec<Named>,
    states: HashMap<&'static str, watch::Sender<State>>,
    tasks: Mutex<JoinSet<()>>,
    failed: (
        mpsc::Sender<BoxError>,
        tokio::sync::Mutex<mpsc::Receiver<BoxError>>,
    ),
}

pub struct Named {
    pub name: &'static str,
    pub after: &'static [&'static str],
    pub service: Arc<dyn Service>,
}

impl Registry {
    pub fn new(services: Vec<Named>) -> Self {
        let states = services.iter();
        let (sender, failures) = mpsc::channel(1);
        Self {
            states: states
                .map(|named| (named.name, watch::Sender::new(State::New)))
                .collect(),
            services,
            tasks: Mutex::default(),
            failed: (sender, tokio::sync::Mutex::new(failures)),
        }
    }

    pub fn states(&self) -> Vec<(&'static str, State)> {
        let states = self.states.iter();
        states
            .map(|(name, state)| (*name, *state.borrow()))
            .collect()
    }

    pub fn is_healthy(&self) -> bool {
        self.states()
            .iter()
            .all(|(_, state)| *state == State::Running)
    }

    pub fn start(self: &Arc<Self>) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        for index in 0..self.services.len() {
            let registry = self.clone();
            tasks.spawn(async move {
                if let Err(error) = registry.run(index).await {
                    registry.set(index, State::Failed);
                    // The first one counts.
                    let _ = registry.failed.0.try_send(error);
                }
            });
        }
    }

    async fn run(&self, index: usize) -> Result {
        let Some(Named {
            name,
            after,
            service,
        }) = self.services.get(index)
        else {
            return Ok(());
        };
        self.set(index, State::Waiting);
        for dependency in *after {
            if let Some(state) = self.states.get(dependency) {
                let mut state = state.subscribe();
                let up = state.wait_for(|state| matches!(state, State::Running | State::Failed));
                if *up.await? == State::Failed {
                    return Err(format!("{name} depends on {dependency}, which has failed").into());
                }
            }
        }
        self.set(index, State::Starting);
        let started = service.start();
        tokio::pin!(started);
        select! {
            biased;
            ended = &mut started => return ended,
            () = service.healthy() => self.set(index, State::Running),
        }
        started.await?;
        self.set(index, State::Stopped);
        Ok(())
    }

    /// Resolves at the first failure or signal.
    pub async fn wait(&self) -> Result {
        let mut failures = self.failed.1.lock().await;
        select! {
            Some(error) = failures.recv() => Err(error),
            signal = tokio::signal::ctrl_c() => Ok(signal?),
        }
    }

    pub async fn stop(&self) -> Result {
        let mut first: Option<BoxError> = None;
        for (index, named) in self.services.iter().enumerate().rev() {
            if matches!(self.states[named.name].borrow().to_owned(), State::Running) {
                self.set(index, State::Stopping);
                if let Err(error) = named.service.stop().await {
                    first.get_or_insert(error);
                }
            }
        }
        let mut tasks = mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        tasks.abort_all();
        while tasks.join_next().await.is_some() {}
        first.map_or(Ok(()), Err)
    }

    fn set(&self, index: usize, state: State) {
        if let Some(named) = self.services.get(index) {
            self.states[named.name].send_replace(state);
        }
    }
}
