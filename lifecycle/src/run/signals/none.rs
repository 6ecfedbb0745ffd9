//! The listeners where there are no signals: without the feature `signal`, and for a hangup on Windows. They hear
//! nothing.

use std::io;
use std::sync::Arc;

use crate::report::reason::OnHangup;
#[cfg(not(all(feature = "signal", windows)))]
use crate::report::reason::Signal;
use crate::shared::application::Application;

#[derive(Debug)]
pub(crate) struct HangupListener;

impl HangupListener {
    #[allow(
        clippy::unnecessary_wraps,
        reason = "where there are signals, it can fail"
    )]
    pub(crate) fn install(_: &Arc<Application>, _: OnHangup) -> io::Result<Self> {
        Ok(Self)
    }
}

#[cfg(not(all(feature = "signal", windows)))]
#[derive(Debug)]
pub(crate) struct Listener;

#[cfg(not(all(feature = "signal", windows)))]
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
