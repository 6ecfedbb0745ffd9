//! Who is measured: how an application is assembled, started and stopped under each library.

mod bare;
mod ordered;
mod ours;

#[cfg(feature = "compare")]
mod peers;

use std::future::Future;

pub use self::bare::Bare;
#[cfg(feature = "count")]
pub(crate) use self::ours::Hooks;
pub use self::ours::{Members, Ours};
#[cfg(feature = "compare")]
pub use self::peers::{Ractor, TaskSupervisor, TokioGracefulShutdown, TokioUtil, Tosub};
use crate::work::Work;

/// How long a stop may take under those who want to be told.
#[cfg(feature = "compare")]
const LIMIT: std::time::Duration = std::time::Duration::from_mins(1);

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
pub const NAMES: &[&str] = &[
    "bare",
    "lifecycle",
    #[cfg(feature = "compare")]
    "tokio-util",
    #[cfg(feature = "compare")]
    "task-supervisor",
    #[cfg(feature = "compare")]
    "tokio-graceful-shutdown",
    #[cfg(feature = "compare")]
    "tosub",
    #[cfg(feature = "compare")]
    "ractor",
];

/// Calls a function for the contender with a name: `on!(name, function(arguments))`, with `.await` behind
/// it where the function is async. Some of what it answers; none, when nobody has the name.
macro_rules! on {
    ($name:expr, $function:ident($($argument:expr),*) $($await:tt)*) => {
        $crate::contender::on!(@ $name, $function, ($($argument),*), ($($await)*),
            "bare" => Bare,
            "lifecycle" => Ours,
            #[cfg(feature = "compare")] "tokio-util" => TokioUtil,
            #[cfg(feature = "compare")] "task-supervisor" => TaskSupervisor,
            #[cfg(feature = "compare")] "tokio-graceful-shutdown" => TokioGracefulShutdown,
            #[cfg(feature = "compare")] "tosub" => Tosub,
            #[cfg(feature = "compare")] "ractor" => Ractor,
        )
    };
    (@ $name:expr, $function:ident, $arguments:tt, $await:tt, $($(#[$if:meta])? $known:literal => $contender:ident,)+) => {
        match $name {
            $($(#[$if])? $known => Some($crate::contender::on!(@call $function, $contender, $arguments, $await)),)+
            _ => None,
        }
    };
    (@call $function:ident, $contender:ident, ($($argument:expr),*), ($($await:tt)*)) => {
        $function::<$crate::contender::$contender>($($argument),*) $($await)*
    };
}
pub(crate) use on;
