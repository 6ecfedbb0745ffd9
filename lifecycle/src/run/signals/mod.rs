//! Signals that ask the process to end, turned into requests to stop for every run that listens.
//!
//! A run installs a [`Listener`] before its first service starts and drops it after the last one has
//! stopped.

#[cfg(all(feature = "signal", any(unix, windows)))]
mod desk;
#[cfg(all(feature = "signal", unix))]
mod others;
#[cfg(all(feature = "signal", unix))]
mod unix;
#[cfg(all(feature = "signal", unix))]
pub(crate) use self::unix::{HangupListener, Listener};

#[cfg(all(feature = "signal", windows))]
mod windows;
#[cfg(all(feature = "signal", windows))]
pub(crate) use self::windows::Listener;

#[cfg(not(all(feature = "signal", unix)))]
mod none;
#[cfg(not(all(feature = "signal", unix)))]
pub(crate) use self::none::HangupListener;
#[cfg(not(all(feature = "signal", any(unix, windows))))]
pub(crate) use self::none::Listener;
