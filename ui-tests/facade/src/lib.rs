//! Passes `lifecycle` on under another name, as a company's own crate would.

pub use kit as services;
