#![doc = include_str!("../README.md")]
#![allow(
    clippy::result_large_err,
    reason = "a request that is refused has an answer too, which is moved once"
)]

mod answer;
mod body;
mod chronicle;
mod draw;
mod error;
mod guard;
mod listen;
mod metrics;
mod ops;
mod page;
mod request;
mod routes;
mod service;
mod text;

pub use self::body::Body;
pub use self::error::OpsError;
#[cfg(feature = "prometheus-client")]
pub use self::metrics::PrometheusCollector;
#[cfg(feature = "opentelemetry")]
pub use self::metrics::observe;
pub use self::ops::Ops;
pub use self::service::OpsService;
