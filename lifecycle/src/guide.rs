//! The guide: one page for each task, with the code and what can go wrong.
//!
//! # The first service
//!
//! - [State in `&self`](state): what a hook may change, and how.
//! - [Owning a receiver or a listener](owning): what `run` needs by value.
//! - [Servers](servers): axum, hyper, actix-web, tonic, and any other.
//! - [Blocking code and rayon](blocking): files, databases, computations.
//! - [Standard input](standard_input): a console, a filter.
//!
//! # The application
//!
//! - [Configuration and reload](configuration): where values come from, and how they change while it runs.
//! - [Optional services and targets](optional): what is left out by configuration, and by the command line.
//! - [Restarts](restarts): what is started again, when, and what that means for the others.
//! - [One replica runs it](one_replica): leases, standby, what happens when one is lost.
//! - [A registry in a registry](nesting): parts of a program with services of their own.
//! - [Members that come and go](groups) while the application runs.
//! - [Schedules that are remembered](catch_up): what was due while nothing ran.
//!
//! # Where it runs
//!
//! - [Probes and metrics](probes): what others may know of it.
//! - [Under Kubernetes](kubernetes): probes, the grace period, `preStop`, process 1.
//! - [Under systemd](systemd): readiness, reloads and the watchdog, a unit, sockets that systemd opens.
//! - [On Windows](windows): which events stop it, a Windows service.
//! - [`panic = "abort"`](panic_abort): what is not promised then.
//!
//! # Coming from elsewhere
//!
//! - [SigNoz's factory](from_signoz): `Start`, `Stop` and the channel between them.
//! - [tokio-util](from_tokio_util): `CancellationToken` and `TaskTracker`.
//! - [tokio-cron-scheduler](from_tokio_cron_scheduler): jobs, and what week days are.
//! - [Spring](from_spring): beans, `SmartLifecycle`, `@Scheduled`.
//! - [.NET](from_dotnet): `IHostedService`, `BackgroundService`.
//!
//! # To look things up
//!
//! - [Tests of your own services](testing): one hook, one tick, a signal, and what every service owes.
//! - [Troubleshooting](troubleshooting): every message, with its cause and its cure.
//! - [What code is generated](generated) by the macros.
//! - [Stability](stability): what is public, what may change, the oldest compiler.
//!
//! # Where to find what
//!
//! | question | answer |
//! |---|---|
//! | Which shape is my service? | [the table of shapes](crate#shapes) |
//! | Nothing is printed. Why? | [a subscriber is needed](crate#the-log) |
//! | How do I change a field in a hook? | [state] |
//! | Who owns my `mpsc::Receiver`? | [owning] |
//! | How does my web server stop without losing requests? | [servers], [Kubernetes](kubernetes) |
//! | May hooks use `anyhow`, or an error type of my own? | yes, with `?`: [`Result`](crate::Result) |
//! | How do I use `self` or `cx` in a task? | clone what it needs: [`Context::spawn`](crate::Context::spawn) |
//! | How do callers get at a service? | an `Arc` of it, and a clone of that in the registry: [`Service`](crate::Service) |
//! | What starts first? How do I wait for the database? | `after`, and [`startup(retry = ..)`](macro@crate::service) |
//! | How do I flush what is in memory? | `drain`: [`Scheduled`](crate::Scheduled), [`Queue`](crate::Queue) |
//! | What if a service fails? | [restarts] |
//! | What must only one of my replicas do? | [one_replica] |
//! | What if a tick panics, or hangs? | `on_panic`, `tick_timeout`: [the options](macro@crate::service#arguments) |
//! | What if one does not stop? | [`deadline`](crate::Registry::deadline), [`Outcome::laggards`](crate::Outcome::laggards) |
//! | How do I run something every night? | `cron`, a page beside this one: `lifecycle::_cron` |
//! | How do I run a migration first? | [`Oneshot`](crate::Oneshot) |
//! | How do I run a tick now? | [`Handle::trigger`](crate::Handle::trigger) |
//! | In which order do services stop, and how long may each take? | [the stop](crate#what-is-promised), [settings and their defaults](macro@crate::registry#settings) |
//! | Why has it stopped? | [`Outcome::reason`](crate::Outcome::reason), [`Outcome::failures`](crate::Outcome::failures), [`Context::cause`](crate::Context::cause) |
//! | How do I stop from code? | [`Context::shutdown`](crate::Context::shutdown), [`Handle::shutdown`](crate::Handle::shutdown), [`Registry::stop_on`](crate::Registry::stop_on) |
//! | How do I change the interval without a restart? | [configuration] |
//! | How do I hold one service back while the others run? | [`Handle::pause`](crate::Handle::pause) for a schedule, a [group](groups) for the rest |
//! | May one struct be several services? | yes, an entry for each value; at run time: [`Registry::builder`](crate::Registry::builder) |
//! | How do I start one service alone? | [targets](optional) |
//! | One service for each tenant? | [groups] |
//! | Where do I spawn a task for each connection? | [`Context::spawn_isolated`](crate::Context::spawn_isolated) |
//! | My code blocks. What now? | [blocking] |
//! | How do I test a tick, a flush, a stop, without waiting? | `testing`, a page beside this one |
//! | What has happened? How do I alert on it? | [the log](stability), [`Registry::on_event`](crate::Registry::on_event), [metrics](probes) |
//! | Is it ready? Is it alive? | [probes] |
//! | What does this message mean? | [troubleshooting] |
//! | Which exit code means what? | [Kubernetes](kubernetes#exit-codes), [`Outcome::exit_code`](crate::Outcome::exit_code) |
//!
//! If you miss a message: the log goes through `tracing`, and without a subscriber it is lost. Even a tick
//! that always fails is silent then. Make this the first line of `main`, with the crate
//! `tracing-subscriber`:
//!
//! ```ignore
//! tracing_subscriber::fmt().with_writer(std::io::stderr).init();
//! ```

#[doc = include_str!("../docs/state.md")]
pub mod state {}

#[doc = include_str!("../docs/owning.md")]
pub mod owning {}

#[doc = include_str!("../docs/servers.md")]
pub mod servers {}

#[doc = include_str!("../docs/blocking.md")]
pub mod blocking {}

#[doc = include_str!("../docs/standard_input.md")]
pub mod standard_input {}

#[doc = include_str!("../docs/configuration.md")]
pub mod configuration {}

#[doc = include_str!("../docs/optional.md")]
pub mod optional {}

#[doc = include_str!("../docs/restarts.md")]
pub mod restarts {}

#[doc = include_str!("../docs/one_replica.md")]
pub mod one_replica {}

#[doc = include_str!("../docs/nesting.md")]
pub mod nesting {}

#[doc = include_str!("../docs/groups.md")]
pub mod groups {}

#[doc = include_str!("../docs/catch_up.md")]
pub mod catch_up {}

#[doc = include_str!("../docs/probes.md")]
pub mod probes {}

#[doc = include_str!("../docs/kubernetes.md")]
pub mod kubernetes {}

#[doc = include_str!("../docs/systemd.md")]
pub mod systemd {}

#[doc = include_str!("../docs/windows.md")]
pub mod windows {}

#[doc = include_str!("../docs/panic_abort.md")]
pub mod panic_abort {}

#[cfg(feature = "test-util")]
#[doc = include_str!("../docs/testing.md")]
pub mod testing {}

#[doc = include_str!("../docs/troubleshooting.md")]
pub mod troubleshooting {}

#[doc = include_str!("../docs/generated.md")]
pub mod generated {}

#[doc = include_str!("../docs/stability.md")]
pub mod stability {}

#[doc = include_str!("../docs/from_signoz.md")]
pub mod from_signoz {}

#[cfg(feature = "tokio-util")]
#[doc = include_str!("../docs/from_tokio_util.md")]
pub mod from_tokio_util {}

#[cfg(feature = "cron")]
#[doc = include_str!("../docs/from_tokio_cron_scheduler.md")]
pub mod from_tokio_cron_scheduler {}

#[doc = include_str!("../docs/from_spring.md")]
pub mod from_spring {}

#[doc = include_str!("../docs/from_dotnet.md")]
pub mod from_dotnet {}
