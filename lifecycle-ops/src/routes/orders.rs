//! What may be asked of the application, where control is on.

use std::fmt::Display;
use std::time::Duration;

use http::{Method, StatusCode};
use lifecycle::Handle;
use tokio::time::timeout;

use crate::answer::{self, Answer};
use crate::request::decoded;

/// How long an answer waits for what was ordered. It goes on after that.
const WAIT: Duration = Duration::from_secs(10);

pub(super) enum Order {
    Service(Action, String),
    Reload,
    Shutdown,
}

/// What a service can be told.
#[derive(Clone, Copy)]
pub(super) enum Action {
    Trigger,
    Pause,
    Resume,
    Restart,
}

impl Action {
    fn of(word: &str) -> Option<Self> {
        match word {
            "trigger" => Some(Self::Trigger),
            "pause" => Some(Self::Pause),
            "resume" => Some(Self::Resume),
            "restart" => Some(Self::Restart),
            _ => None,
        }
    }
}

impl Order {
    pub(super) fn of(path: &str, method: &Method) -> Option<Self> {
        match path {
            "reload" => return Some(Self::Reload),
            "shutdown" => return Some(Self::Shutdown),
            _ => {}
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
            Self::Reload => waited(handle.reload(), "the reload goes on").await,
            Self::Shutdown => {
                handle.shutdown();
                answer::text(StatusCode::ACCEPTED, "stopping")
            }
            Self::Service(_, name) if handle.status(&name).is_none() => answer::no_service(&name),
            Self::Service(Action::Trigger, name) => {
                waited(handle.trigger(&name), "the tick goes on").await
            }
            Self::Service(Action::Pause, name) => done(handle.pause(&name)),
            Self::Service(Action::Resume, name) => done(handle.resume(&name)),
            Self::Service(Action::Restart, name) => {
                waited(handle.restart(&name), "the restart goes on").await
            }
        }
    }
}

/// The answer for what ends well, fails, or takes long. Dropping the wait takes nothing back.
async fn waited<E: Display>(order: impl Future<Output = Result<(), E>>, goes_on: &str) -> Answer {
    match timeout(WAIT, order).await {
        Ok(result) => done(result),
        Err(_) => answer::text(StatusCode::ACCEPTED, goes_on),
    }
}

fn done<E: Display>(result: Result<(), E>) -> Answer {
    match result {
        Ok(()) => answer::text(StatusCode::OK, "ok"),
        Err(error) => answer::text(StatusCode::CONFLICT, error.to_string()),
    }
}
