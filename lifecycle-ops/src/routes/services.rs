//! The states as data.

use http::StatusCode;
use lifecycle::Handle;

use crate::answer::{self, Answer};

pub(super) fn all(handle: &Handle) -> Answer {
    answer::json(StatusCode::OK, &handle.states())
}

pub(super) fn one(handle: &Handle, name: &str) -> Result<Answer, Answer> {
    let services = handle.states();
    let status = services.iter().find(|status| status.name == *name);
    let status = status.ok_or_else(|| answer::no_service(name))?;
    Ok(answer::json(StatusCode::OK, status))
}
