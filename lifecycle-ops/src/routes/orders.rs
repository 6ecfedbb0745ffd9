//! What may be asked of the application, where control is on.

use std::time::Duration;

use http::{Method, StatusCode};
use lifecycle::{Handle, TriggerError};
use tokio::time::timeout;

use crate::answer::{self, Answer};
use crate::request::decoded;

/// How long an answer waits for what was ordered. It goes on after that.
const WAIT: Duration = Duration::from_secs(10);

pub(super) enum Order {
    Service(Action, String),
    Shutdown,
}

/// What a service can be told.
#[derive(Clone, Copy)]
pub(super) enum Action {
    Trigger,
}

impl Action {
    fn of(word: &str) -> Option<Self> {
        match word {
            "trigger" => Some(Self::Trigger),
            _ => None,
        }
    }
}

impl Order {
    pub(super) fn of(path: &str, method: &Method) -> Option<Self> {
        if path == "shutdown" {
            return Some(Self::Shutdown);
        }
        let (name, action) = path.strip_prefix("services/")?.rsplit_once('/')?;
        let action = Action::of(action)?;
        // To read, a path may name a service that is called like an action.
        let is_read = matches!(*method, Method::GET | Method::HEAD);
        let name = decoded(name).filter(|_| !is_read)?;
        Some(Self::Service(action, name.into_owned()))
    }

    pub(super) async fn carry_out(self, handle: &Handle) -> Answer {
        match self {
            Self::Shutdown => {
                handle.shutdown();
                answer::text(StatusCode::ACCEPTED, "stopping")
            }
            Self::Service(Action::Trigger, name) => trigger(handle, &name).await,
        }
    }
}

async fn trigger(handle: &Handle, name: &str) -> Answer {
    match timeout(WAIT, handle.trigger(name)).await {
        Ok(Ok(())) => answer::text(StatusCode::OK, "ok"),
        Ok(Err(TriggerError::Unknown(name))) => answer::no_service(&name),
        Ok(Err(error)) => answer::text(StatusCode::CONFLICT, error.to_string()),
        Err(_) => answer::text(StatusCode::ACCEPTED, "the tick goes on"),
    }
}
