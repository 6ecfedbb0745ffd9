//! What people read: states, errors, reasons, the outcome. Plain data, built by the floors above.
//!
//! `error` and `reason` use each other: an error can tell why the application stops, and the reason can be
//! the error of a service.

/// A `main` that returns an error prints its `Debug`, and so does `unwrap`: it is the sentence of `Display`.
macro_rules! debug_as_display {
    ($($error:ty)+) => {$(
        impl std::fmt::Debug for $error {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(self, f)
            }
        }
    )+};
}

pub(crate) mod dependency;
pub(crate) mod error;
pub(crate) mod event;
pub(crate) mod group;
pub(crate) mod name;
pub(crate) mod outcome;
pub(crate) mod point;
pub(crate) mod reason;
pub(crate) mod registry_error;
pub(crate) mod restart;
#[cfg(feature = "serde")]
mod serialize;
pub(crate) mod startup;
pub(crate) mod status;
pub(crate) mod tick;
mod timestamp;
