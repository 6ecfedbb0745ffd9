//! Built without the feature `signal`: nothing to listen to.

use std::io;
use std::sync::Arc;

use crate::core::Core;

#[derive(Debug)]
pub(crate) struct Listener;

impl Listener {
    #[allow(
        clippy::unnecessary_wraps,
        reason = "where there are signals, it can fail"
    )]
    pub(crate) fn install(_: &Arc<Core>) -> io::Result<Self> {
        Ok(Self)
    }
}
