//! The services of an observability server, as `SigNoz` has them: what each is about is in `domain`, its life with this library in
//! `services`, its life by hand in `by_hand`.

#![allow(
    missing_docs,
    missing_debug_implementations,
    clippy::must_use_candidate,
    reason = "a library only so that the tests can reach it; what a module is for stands at its head"
)]

pub mod api;
pub mod application;
pub mod by_hand;
pub mod config;
pub mod domain;
pub mod services;
