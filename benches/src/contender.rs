//! Who is measured: how an application is assembled, started and stopped under each library.

mod bare;
mod ordered;
mod ours;

use std::future::Future;

pub use self::bare::Bare;
pub use self::ours::Ours;
use crate::work::Work;

/// One way to run services.
pub trait Contender {
    /// An application before its start.
    type Assembled;
    /// An application that runs.
    type Running;

    /// Whether services can be made to wait for each other.
    const KNOWS_ORDER: bool = false;

    /// What comes before the start, for those who tell the two apart: names are checked, an order is
    /// found.
    fn assemble(work: Work) -> Self::Assembled;

    /// Resolves when every service is running.
    fn start(assembled: Self::Assembled) -> impl Future<Output = Self::Running>;

    /// Asks for the stop; resolves when the last service is down.
    fn stop(running: Self::Running) -> impl Future<Output = ()>;
}

/// What they are called; the first is what the others are compared with.
pub const NAMES: &[&str] = &["bare", "lifecycle"];

/// Calls a function for the contender with a name: `on!(name, function(arguments))`, with `.await` behind
/// it where the function is async. Some of what it answers; none, when nobody has the name.
macro_rules! on {
    ($name:expr, $function:ident($($argument:expr),*) $($await:tt)*) => {
        match $name {
            "bare" => Some($function::<$crate::contender::Bare>($($argument),*) $($await)*),
            "lifecycle" => Some($function::<$crate::contender::Ours>($($argument),*) $($await)*),
            _ => None,
        }
    };
}
pub(crate) use on;
