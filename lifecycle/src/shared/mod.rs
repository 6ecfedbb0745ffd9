//! The state that the parts of an application share: the application, its services, their runs and
//! contexts.
//!
//! Most of these files use each other: a context is of an application and a run, a run belongs to an instance,
//! an instance to its application, and the tasks of a run report through a context.

pub(crate) mod application;
pub(crate) mod context;
pub(crate) mod current;
pub(crate) mod events;
pub(crate) mod failure;
pub(crate) mod flush_calls;
pub(crate) mod followed;
pub(crate) mod handle;
pub(crate) mod health;
pub(crate) mod inbox;
pub(crate) mod inner;
pub(crate) mod instance;
pub(crate) mod isolated;
pub(crate) mod latch;
pub(crate) mod lease;
pub(crate) mod mailbox;
pub(crate) mod members;
pub(crate) mod moments;
mod names;
pub(crate) mod nested;
pub(crate) mod orders;
pub(crate) mod queue_counts;
pub(crate) mod record;
pub(crate) mod reload;
pub(crate) mod remembering;
pub(crate) mod request;
pub(crate) mod restarts;
pub(crate) mod run;
pub(crate) mod runner_news;
pub(crate) mod scope;
pub(crate) mod startup;
pub(crate) mod stop_channel;
#[cfg(feature = "tokio-util")]
pub(crate) mod stop_token;
pub(crate) mod subscribers;
pub(crate) mod subscriptions;
pub(crate) mod task_output;
pub(crate) mod tasks;
pub(crate) mod tick_facts;
mod tick_history;
pub(crate) mod trigger_calls;
pub(crate) mod waits;
