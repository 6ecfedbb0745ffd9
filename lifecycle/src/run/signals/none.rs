//! The listener of a build without the feature `signal`: it hears nothing.

use std::io;
use std::sync::Arc;

use crate::report::reason::Signal;
use crate::shared::application::Application;

#[derive(Debug)]
pub(crate) struct Listener;

impl Listener {
    #[allow(
        clippy::unnecessary_wraps,
        reason = "where there are signals, it can fail"
    )]
    pub(crate) fn install(_: &Arc<Application>) -> io::Result<Self> {
        Ok(Self)
    }

    #[allow(clippy::unused_self, reason = "where there are signals, it looks")]
    pub(crate) fn delivered(&self) -> Option<Signal> {
        None
    }
}
