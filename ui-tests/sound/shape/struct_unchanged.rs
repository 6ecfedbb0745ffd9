#![deny(warnings)]

use lifecycle::{Idle, service};

/// Documented.
#[service(idle)]
#[derive(Clone, Debug, Default, PartialEq)]
#[must_use]
pub struct Store {
    /// Documented too.
    pub entries: u32,
}

#[derive(Debug, Default, PartialEq)]
#[service(idle)]
struct Cache(u32);

impl Idle for Store {}
impl Idle for Cache {}

pub fn main() {
    let Store { entries } = Store::default().clone();
    assert_eq!(Store { entries }, Store { entries: 0 });
    assert_eq!(Cache(0), Cache::default());
    assert_eq!(size_of::<Store>(), size_of::<u32>());
}
