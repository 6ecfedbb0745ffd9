#![doc = include_str!("../README.md")]

mod error;
mod etcd;
mod freed;
mod gateway;
mod keys;
mod leases;
mod memory;
mod observed;
mod settings;
#[cfg(feature = "tls")]
mod tls;
mod write;

pub use self::error::EtcdError;
pub use self::etcd::Etcd;
pub use self::write::Write;
