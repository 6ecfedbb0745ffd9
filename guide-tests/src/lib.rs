//! The programs of the guide that need large libraries. Each file is a block of a page in `lifecycle/docs`, to the
//! letter (`ui-tests/tests/links.rs` compares them); the tests run them.

pub mod actix;
pub mod axum;
pub mod hyper;
pub mod rayon;
pub mod tonic;

#[allow(dead_code, reason = "a program of its own, with its `main`")]
mod systemd_socket;
