//! The guide: what is too long for the item it is about.
//!
//! - [A registry in a registry](nesting): parts of a program with services of their own.
//! - [Members that come and go](groups) while the application runs.
//! - [What code is generated](generated) by the macros.
//! - [Optional services and targets](optional): what is left out by configuration, and by the command line.
//! - [Restarts](restarts): what is started again, when, and what that means for the others.
//! - [Under systemd](systemd): readiness, reloads and the watchdog, a unit, sockets that systemd opens.
//! - [Troubleshooting](troubleshooting): every message, with its cause and its cure.
//!
//! If you miss a message: the log goes through `tracing`, and without a subscriber it is lost. Even a tick
//! that always fails is silent then. Make this the first line of `main`, with the crate
//! `tracing-subscriber`:
//!
//! ```ignore
//! tracing_subscriber::fmt().with_writer(std::io::stderr).init();
//! ```

#[doc = include_str!("../docs/generated.md")]
pub mod generated {}

#[doc = include_str!("../docs/nesting.md")]
pub mod nesting {}

#[doc = include_str!("../docs/optional.md")]
pub mod optional {}

#[doc = include_str!("../docs/restarts.md")]
pub mod restarts {}

#[doc = include_str!("../docs/systemd.md")]
pub mod systemd {}

#[doc = include_str!("../docs/groups.md")]
pub mod groups {}

#[doc = include_str!("../docs/troubleshooting.md")]
pub mod troubleshooting {}
