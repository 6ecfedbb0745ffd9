//! Queues: when a batch is flushed, what becomes of it when that fails, and that no item is lost unseen.

mod batches;
mod drain_hook;
mod endings;
mod flush_timeout;
mod limits;
mod overflow;
mod producers;
mod restarts;
mod status;
mod stop;
mod tried;
mod trigger;
mod used_up;
