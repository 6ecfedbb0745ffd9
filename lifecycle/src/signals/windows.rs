//! Ctrl-C on Windows, through tokio.

use std::io;
use std::sync::Arc;

use tokio::signal::windows::ctrl_c;
use tokio::task::JoinHandle;

use crate::core::Core;
use crate::reason::{Reason, Signal};

/// One run's wish to hear of Ctrl-C.
#[derive(Debug)]
pub(crate) struct Listener(JoinHandle<()>);

impl Listener {
    pub(crate) fn install(core: &Arc<Core>) -> io::Result<Self> {
        let mut presses = ctrl_c()?;
        let core = core.clone();
        let listening = async move {
            if presses.recv().await.is_some() {
                core.ask_to_stop(Reason::Signal(Signal::INTERRUPT));
            }
            if presses.recv().await.is_some() {
                std::process::exit(128 + Signal::INTERRUPT.number());
            }
        };
        Ok(Self(tokio::spawn(listening)))
    }

    /// Tokio tells everybody who listens at once: there is nothing to look at before.
    #[allow(clippy::unused_self, reason = "on other systems it looks")]
    pub(crate) fn delivered(&self) -> Option<Signal> {
        None
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.0.abort();
    }
}
