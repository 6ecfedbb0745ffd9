//! The services: each file is all that one takes. The file of the same name in `by_hand` does the same without the library.

pub mod alertmanager;
pub mod alertmanager_server;
pub mod analytics;
pub mod auditor;
pub mod authz;
pub mod batcher;
pub mod cloud;
pub mod health;
pub mod instrumentation;
pub mod licensing;
pub mod meter_reporter;
pub mod migrator;
pub mod opamp;
pub mod pprof;
pub mod query_server;
pub mod rule_task;
pub mod ruler;
pub mod stats_reporter;
pub mod tokenizer;
pub mod tokenizer_jwt;
pub mod tokenizer_opaque;
pub mod usage;
pub mod user;
