//! The locks and atomics of the protocols that have a model: those of `std` here, those of loom in the
//! package `loom`, which compiles the very same files. Such a file takes them from here, or its model would
//! see only some of what its threads do.

pub(crate) use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64};
pub(crate) use std::sync::{Mutex, MutexGuard};

pub(crate) use atomic_waker::AtomicWaker;
