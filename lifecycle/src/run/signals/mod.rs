//! Signals that ask the process to end, turned into requests to every registry that listens.
//!
//! [`Listener::install`] before the first service starts, dropped after the last one has stopped.

#[cfg(all(feature = "signal", any(unix, windows)))]
mod desk;
#[cfg(all(feature = "signal", unix))]
mod others;
#[cfg(all(feature = "signal", unix))]
mod unix;
#[cfg(all(feature = "signal", unix))]
pub(crate) use self::unix::Listener;

#[cfg(all(feature = "signal", windows))]
mod windows;
#[cfg(all(feature = "signal", windows))]
pub(crate) use self::windows::Listener;

#[cfg(not(all(feature = "signal", any(unix, windows))))]
mod none;
#[cfg(not(all(feature = "signal", any(unix, windows))))]
pub(crate) use self::none::Listener;
