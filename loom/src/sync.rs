//! What the library takes from `crate::sync`, as loom has it.

pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, fence};
pub(crate) use loom::sync::{Mutex, MutexGuard};
