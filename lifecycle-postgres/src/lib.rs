#![doc = include_str!("../README.md")]

mod error;
mod fence;
mod freed;
mod leases;
mod link;
mod memory;
mod migration;
mod postgres;
mod settings;
pub mod statements;
#[cfg(feature = "tls")]
mod tls;

pub use tokio_postgres;

pub use self::error::PostgresError;
pub use self::fence::{fence, fence_grant, once, once_point};
pub use self::postgres::Postgres;
