//! The locks and atomics of the files that have a model in the package `loom`. That package compiles the same
//! files with loom's types in place of these. Such a file must take all its locks and atomics from here,
//! because the model does not see any others.

pub(crate) use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, fence};
pub(crate) use std::sync::{Mutex, MutexGuard};
