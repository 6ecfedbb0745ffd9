//! What becomes of the members of a group.

use std::error::Error as StdError;
use std::fmt;

use crate::report::error::{ServiceError, StopMark};
use crate::report::name::Name;
use crate::report::registry_error::RegistryError;

/// What has become of a member that was removed: what [`Group::remove`](crate::Group::remove) returns.
///
/// ```
/// use lifecycle::{Group, MemberOutcome};
///
/// async fn remove(tenants: &Group<String>, tenant: &str) {
///     match tenants.remove(tenant).await {
///         MemberOutcome::Failed(error) => eprintln!("{tenant} is gone, and was not well: {error}"),
///         MemberOutcome::Unknown => eprintln!("there was no {tenant}"),
///         _ => println!("{tenant} is gone"),
///     }
/// }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
#[must_use = "the member may have failed"]
pub enum MemberOutcome {
    /// It is down. If it had been up, its drain has run.
    Stopped,
    /// It is down. It had failed before, or failed as it stopped, or did not stop in time and was dropped.
    Failed(ServiceError),
    /// It was asked to stop. It is the member itself that asks, so the call does not wait for it.
    Asked,
    /// The group has no member with this key.
    Unknown,
}

impl MemberOutcome {
    /// The failure as an error; anything else is `Ok`.
    ///
    /// # Errors
    ///
    /// The failure of the member.
    pub fn into_result(self) -> Result<(), ServiceError> {
        match self {
            Self::Failed(error) => Err(error),
            Self::Stopped | Self::Asked | Self::Unknown => Ok(()),
        }
    }
}

/// Why a member was not added to a [`Group`](crate::Group), or is not up. Its `Debug` is the sentence of its
/// `Display`.
///
/// ```
/// use lifecycle::{AddError, Group, Service};
///
/// /// Adds a tenant, if it is not there yet.
/// async fn ensure(
///     tenants: &Group<String>,
///     tenant: &str,
///     service: impl Service,
/// ) -> Result<(), AddError> {
///     match tenants.add(tenant.to_owned(), service).await {
///         Err(AddError::Duplicate(_)) => Ok(()),
///         added => added,
///     }
/// }
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub enum AddError {
    /// The text of the key has more bytes than a key may have, 128.
    KeyTooLong(usize),
    /// A member with this key is there. One that has failed is there until it is removed.
    Duplicate(Name),
    /// A value of its policy is wrong.
    Policy(RegistryError),
    /// The group is being stopped, or has stopped. As
    /// [`HealthError::Stopping`](crate::HealthError::Stopping) it is no failure of a service that returns it while the application stops.
    Stopping,
    /// [`remove`](crate::Group::remove) was called before it was up.
    Removed,
    /// It is a member, and has failed before it was up.
    Failed(ServiceError),
}

impl fmt::Display for AddError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KeyTooLong(bytes) => write!(
                f,
                "the key of a member has at most 128 bytes, and this one has {bytes}"
            ),
            Self::Duplicate(name) => write!(f, "the group has a member `{name}` already"),
            Self::Policy(error) => error.fmt(f),
            Self::Stopping => {
                f.write_str("the group takes no member: it is being stopped, or has stopped")
            }
            Self::Removed => f.write_str("the member was removed before it was up"),
            Self::Failed(error) => error.fmt(f),
        }
    }
}

impl StdError for AddError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Stopping => Some(StopMark::SOURCE),
            Self::Failed(error) => error.source(),
            Self::Policy(error) => error.source(),
            Self::KeyTooLong(_) | Self::Duplicate(_) | Self::Removed => None,
        }
    }
}

debug_as_display! { AddError }
