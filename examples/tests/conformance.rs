//! Each service of the examples does what every service owes. The tests stand in the programs, as they would in yours; here
//! they are built together, so that each program is built once and not a second time as a test.

#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "nothing calls `main`, and a test fails by panicking"
)]

#[path = "../src/bin/cache.rs"]
mod cache;
#[path = "../src/bin/drift.rs"]
mod drift;
#[path = "../src/bin/events.rs"]
mod events;
#[path = "../src/bin/hello.rs"]
mod hello;
#[path = "../src/bin/idle.rs"]
mod idle;
#[path = "../src/bin/nightly.rs"]
mod nightly;
#[path = "../src/bin/oneshot.rs"]
mod oneshot;
#[path = "../src/bin/poller.rs"]
mod poller;
#[path = "../src/bin/reporter.rs"]
mod reporter;
#[path = "../src/bin/scheduled.rs"]
mod scheduled;
#[path = "../src/bin/tenants.rs"]
mod tenants;
#[path = "../src/bin/web.rs"]
mod web;
#[path = "../src/bin/worker.rs"]
mod worker;
