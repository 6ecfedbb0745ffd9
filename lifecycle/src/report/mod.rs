//! What people read: states, errors, reasons, the outcome. Plain data, built by the floors above.

pub(crate) mod error;
pub(crate) mod name;
pub(crate) mod outcome;
pub(crate) mod reason;
pub(crate) mod registry_error;
#[cfg(feature = "serde")]
mod serialize;
pub(crate) mod status;
