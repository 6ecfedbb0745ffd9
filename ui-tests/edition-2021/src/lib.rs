//! The edition 2021, a crate between, and other people's attributes: see `tests`.
