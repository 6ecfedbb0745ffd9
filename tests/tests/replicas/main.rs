//! Rule 37: of all replicas one runs a service. Replicas are registries in one runtime that share a store in memory;
//! with the paused clock.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod leader;
mod loss;
mod places;
mod random;
mod store;
mod terms;
